"""``<format>`` of an image that stands behind another."""

from __future__ import annotations

from typing import Annotated

from prober.domain.shared.source.formats import FormatName
from prober.xml.binding import At, Becomes, Element
from prober.xml.values import UNITS, Amount, Unit


class CacheSize(Element):
    """``<max_size>`` of ``<metadata_cache>``: how much memory QEMU may keep a qcow2 image's tables in."""

    value: Annotated[Amount, At("."), Becomes("`cache-size`")]
    unit: Annotated[Unit, At("@unit"), Becomes("`cache-size`")] = "bytes"

    @property
    def bytes(self) -> int:
        """In bytes, which is also libvirt's unit where none is given."""
        return self.value * UNITS[self.unit]


class ImageFormat(Element):
    """The format, and what QEMU keeps of its metadata."""

    type: Annotated[FormatName, At("@type"), Becomes("`driver` of the image's block node")]
    max_size: Annotated[CacheSize | None, At("metadata_cache/max_size"), Becomes("`cache-size`")] = None
