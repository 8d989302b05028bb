"""Where an image is, and the block nodes that QEMU opens it with: what ``<disk>`` and others read ``<source>`` as."""

from prober.domain.shared.source.formats import FORMATS, Format
from prober.domain.shared.source.image import Access, Image
from prober.domain.shared.source.model import Source

__all__ = ["FORMATS", "Access", "Format", "Image", "Source"]
