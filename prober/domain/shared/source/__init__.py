"""Where an image is, and the block nodes that QEMU opens it with: what ``<disk>`` and others read ``<source>`` as."""

from prober.domain.shared.source.access import ImageAccess
from prober.domain.shared.source.backing import BackingStore
from prober.domain.shared.source.format import CacheSize
from prober.domain.shared.source.image import Image
from prober.domain.shared.source.model import StorageSource
from prober.domain.shared.source.references import Auth, Encryption

__all__ = ["Auth", "BackingStore", "CacheSize", "Encryption", "Image", "ImageAccess", "StorageSource"]
