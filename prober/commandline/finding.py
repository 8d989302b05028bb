"""What the check finds: one form, for a command line that was typed and for one that a domain came to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from prober.capabilities.evidence import Evidence
from prober.commandline.refusal import Origin, Place, Refusal


class Kind(StrEnum):
    """What QEMU would make of it.

    ``error``: refuse to start.  ``ignored``: start, and not do it.  ``deprecated``: do it, and warn.
    ``unknown``: the binary was never asked, or cannot tell.
    """

    error = "error"
    ignored = "ignored"
    deprecated = "deprecated"
    unknown = "unknown"


class Finding(BaseModel):
    """One thing that is wrong with an option, or is not known to be right.

    ``place`` is where it comes from, ``part`` the key or member that it is about (empty for the option as a
    whole), the rest as of a :class:`~prober.commandline.refusal.Refusal`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    place: Origin
    message: str
    part: str = ""
    qemu_name: str | None = None
    evidence: Evidence | None = None
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        if isinstance(self.place, Place):
            return f"{self.place.line}: {self.place.path}: {self.kind}: {self.message}{hint}"
        return f"{self.place.word}: {self.place.flag}: {self.kind}: {self.message}{hint}"


def as_refusals(findings: Iterable[Finding], *, assume_unknown_present: bool) -> Iterator[Refusal]:
    """What of all this a domain is refused for.

    What is unknown is refused unless the caller assumes that it is there; what is deprecated still works.
    """
    for finding in findings:
        if finding.kind is Kind.deprecated or (finding.kind is Kind.unknown and assume_unknown_present):
            continue
        place = finding.place
        assert isinstance(place, Place), "the options of a domain come from its XML"
        yield Refusal(
            place=place,
            message=finding.message,
            qemu_name=finding.qemu_name,
            evidence=finding.evidence,
            hint=finding.hint,
        )
