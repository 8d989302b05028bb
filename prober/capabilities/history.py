"""From which to which recorded version something is there.  Pure: recordings are read elsewhere.

Only what was recorded is said: ``present 5.2.0 to 11.1.2`` means that each recording from the one to the other that
can tell has it.  What is between two recordings nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from pydantic import BaseModel, ConfigDict

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.evidence import Verdict
from prober.capabilities.models import Version

_CONFIG = ConfigDict(frozen=True, extra="forbid")


class SeenIn(BaseModel):
    """What one recording says; ``label`` is its file's name."""

    model_config = _CONFIG

    label: str
    version: Version
    verdict: Verdict


class Span(BaseModel):
    """A run of recordings, by version, that say the same."""

    model_config = _CONFIG

    verdict: Verdict
    first: Version
    last: Version

    def __str__(self) -> str:
        one = self.first.numbers == self.last.numbers
        return str(self.first) if one else f"{self.first} to {self.last}"


class History(BaseModel):
    """One fact over many recordings, in the order of their versions.

    ``left_out`` counts the recordings of QEMUs for other targets, which say nothing of this one.
    """

    model_config = _CONFIG

    seen: tuple[SeenIn, ...]
    left_out: int = 0

    @property
    def spans(self) -> tuple[Span, ...]:
        """Runs of *present* and *absent*; a recording that cannot tell ends none."""
        return _spans([one for one in self.seen if one.verdict is not Verdict.unknown])

    @property
    def unknown(self) -> tuple[Span, ...]:
        """The runs of recordings that cannot tell."""
        return tuple(span for span in _spans(self.seen) if span.verdict is Verdict.unknown)

    def __str__(self) -> str:
        """``absent 1.5.3 to 5.1.0, present 5.2.0 to 11.1.2; unknown 2.1.1``."""
        told = ", ".join(f"{span.verdict} {span}" for span in self.spans)
        untold = ", ".join(map(str, self.unknown))
        return "; ".join(filter(None, (told, untold and f"unknown {untold}"))) or "no recording"


def _spans(seen: Sequence[SeenIn]) -> tuple[Span, ...]:
    runs = (list(run) for _, run in groupby(seen, key=lambda one: one.verdict))
    return tuple(Span(verdict=run[0].verdict, first=run[0].version, last=run[-1].version) for run in runs)


def trace(fact: str, recordings: Iterable[tuple[str, Capabilities]], target: str) -> History:
    """What each recording (label, capabilities) of a QEMU for this target says of a fact.

    :raise FactError: where the name is not that of a fact.
    """
    seen, left_out = [], 0
    for label, caps in recordings:
        if caps.target in (target, "unknown"):
            seen.append(SeenIn(label=label, version=caps.version, verdict=caps.supports(fact).verdict))
        else:
            left_out += 1
    seen.sort(key=lambda one: (one.version.numbers, one.label))
    return History(seen=tuple(seen), left_out=left_out)
