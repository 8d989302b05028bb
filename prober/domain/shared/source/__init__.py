"""Where an image is, and the block nodes that QEMU opens it with: what ``<disk>`` and others read ``<source>`` as."""

from prober.domain.shared.source.access import Access
from prober.domain.shared.source.backing import BackingStore
from prober.domain.shared.source.format import CacheSize
from prober.domain.shared.source.image import Image
from prober.domain.shared.source.model import Source
from prober.domain.shared.source.references import Auth, Encryption

__all__ = ["Access", "Auth", "BackingStore", "CacheSize", "Encryption", "Image", "Source"]
