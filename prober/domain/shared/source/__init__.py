"""Where an image is, and the block nodes that QEMU opens it with: what ``<disk>`` and others read ``<source>`` as."""

from prober.domain.shared.source.access import Access
from prober.domain.shared.source.backing import BackingStore, chained, format_rules, image_faults, sources_of
from prober.domain.shared.source.format import CacheSize
from prober.domain.shared.source.formats import FORMATS, Format
from prober.domain.shared.source.image import MANAGED_HELPER, Image
from prober.domain.shared.source.model import Kind, Source
from prober.domain.shared.source.references import Auth, Encryption

__all__ = [
    "FORMATS",
    "MANAGED_HELPER",
    "Access",
    "Auth",
    "BackingStore",
    "CacheSize",
    "Encryption",
    "Format",
    "Image",
    "Kind",
    "Source",
    "chained",
    "format_rules",
    "image_faults",
    "sources_of",
]
