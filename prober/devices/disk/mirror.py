"""``<mirror>``: a copy that a running domain was making of a disk."""

from __future__ import annotations

from typing import Annotated, Literal

from prober.domain.shared.source import BackingStore, StorageSource
from prober.domain.shared.source.format import ImageFormat
from prober.domain.shared.source.formats import FormatName
from prober.domain.shared.source.model import SourceKind
from prober.xml.binding import At, Element, Neutral
from prober.xml.values import AbsolutePath

_WHY = "a copy that libvirt was making; a start does not begin it anew"


class Mirror(Element):
    """libvirt reads it of a running domain alone (``virDomainDiskDefParseXML``)."""

    type: Annotated[SourceKind | None, At("@type"), Neutral(_WHY)] = None
    job: Annotated[Literal["copy", "active-commit"] | None, At("@job"), Neutral(_WHY)] = None
    ready: Annotated[Literal["yes", "abort", "pivot"] | None, At("@ready"), Neutral(_WHY)] = None
    file: Annotated[AbsolutePath | None, At("@file"), Neutral(_WHY)] = None
    old_format: Annotated[FormatName | None, At("@format"), Neutral(_WHY)] = None
    format: Annotated[ImageFormat | None, At("format"), Neutral(_WHY)] = None
    source: Annotated[StorageSource | None, At("source"), Neutral(_WHY)] = None
    backing: Annotated[BackingStore | None, At("backingStore"), Neutral(_WHY)] = None
