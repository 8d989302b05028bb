"""What a catalog tells of its work while it does it, to whoever counts.

All is told on the event loop, in between: who is told has to be quick and may not raise.  Texts that a label of a
metric is made of come from short lists: the kinds of errors, and the parts of a fingerprint.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from prober.capabilities.fingerprint import Fingerprint
from prober.errors import QemuError, RecordingError, WorkError

#: What became of an interview, besides the kinds of errors.
ANSWERED, FAULT, CANCELLED = "answered", "fault", "cancelled"

#: What is found in the cache on disk.
CacheOutcome: TypeAlias = Literal["hit", "stale", "absent"]

#: Who sees that an answer no longer holds: someone who asks, the watcher, or the start with what the disk has.
FoundBy: TypeAlias = Literal["use", "watch", "start"]

#: The parts of a fingerprint by which an answer can be seen to be out of date.
PARTS: tuple[str, ...] = tuple(name for name in Fingerprint.model_fields if name != "path")


class CatalogObserver:
    """Is told; by itself it does nothing with it."""

    def interviewed(self, outcome: str, seconds: float) -> None:
        """An interview of a binary ended: ``answered``, ``cancelled``, ``fault``, or the kind of its error."""

    def used(self) -> None:
        """An answer that is in memory, and holds, was used."""

    def cache_read(self, outcome: CacheOutcome) -> None:
        """The cache on disk was looked into."""

    def stale(self, part: str, by: FoundBy) -> None:
        """An answer no longer holds, because of this part of its fingerprint."""


def outcomes() -> tuple[str, ...]:
    """Every outcome that an interview can have."""
    return (ANSWERED, FAULT, CANCELLED, RecordingError.kind, WorkError.kind, *sorted(_kinds(QemuError)))


def _kinds(kind: type[QemuError]) -> set[str]:
    return {kind.kind}.union(*map(_kinds, kind.__subclasses__()))
