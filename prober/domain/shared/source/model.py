"""``<source>``: where the data of an image is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator

from prober.domain.binding import At, Becomes, Checked, Neutral
from prober.domain.values import Count, check_path


def _path_or_nothing(value: str) -> str:
    """An absolute path; an empty text means no image, as in libvirt (``virDomainStorageSourceParse``)."""
    return check_path(value) if value else value


#: A path, or the empty text for none.
SourcePath: TypeAlias = Annotated[str, AfterValidator(_path_or_nothing)]

#: What each type of source is told by: the fields that belong to it, the first of them needed.
FIELDS: dict[str, tuple[str, ...]] = {
    "file": ("file",),
    "block": ("dev",),
}

#: The fields of every type.
_COMMON = frozenset({"startup_policy", "index"})


class Source(Checked):
    """Which of its attributes count is told by the ``type`` of the element around it."""

    startup_policy: Annotated[
        Literal["mandatory", "requisite", "optional"] | None,
        At("@startupPolicy"),
        Neutral("what libvirt does at start where the image is missing"),
    ] = None
    index: Annotated[Count | None, At("@index"), Neutral("libvirt's number of an image of a running domain")] = None
    file: Annotated[SourcePath | None, At("@file"), Becomes("`filename` of `-blockdev`")] = None
    dev: Annotated[SourcePath | None, At("@dev"), Becomes("`filename` of `-blockdev`")] = None

    def local_path(self, kind: str) -> str | None:
        """The path of a source of this type, where it is one on this host."""
        path: str | None = {"file": self.file, "block": self.dev}.get(kind)
        return path or None

    def is_empty(self, kind: str) -> bool:
        """Whether there is no image."""
        return kind in ("file", "block") and self.local_path(kind) is None

    def misplaced(self, kind: str) -> Iterator[tuple[str, str]]:
        """What is given and belongs to another type, as (field, sentence)."""
        allowed = {*FIELDS.get(kind, ()), *_COMMON}
        for name in self.places.fields:
            if name not in allowed:
                yield name, f"this belongs to a source of another type than '{kind}'"
