"""What a recording says of one fact, and on what grounds."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, JsonValue


class Verdict(StrEnum):
    """The three answers.  *unknown* means that it was never asked, or that asking killed QEMU."""

    present = "present"
    absent = "absent"
    unknown = "unknown"


#: Looked up once: Python 3.11 takes ten times as long to find a member of an enumeration as any other attribute.
_PRESENT: Final = Verdict.present


class Evidence(BaseModel):
    """One answer with its grounds.

    ``command`` and ``arguments`` are the question that QEMU was asked, ``reply`` the part of its answer
    that decides: the matching item where the fact is present, and all names that were listed, sorted, where it is
    absent.  Of the types of a binary, which are many hundreds, ``note`` says how many were listed, and ``reply`` is
    None.  ``error`` is QEMU's error reply, where it gave one.  ``note`` says the same for a human.

    ``suggestions`` are no part of the answer: names that this QEMU has and that are most like one that it has not, as
    they would stand in the fact in its place.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fact: str
    verdict: Verdict
    note: str
    command: str | None = None
    arguments: dict[str, JsonValue] | None = None
    reply: JsonValue = None
    error: str | None = None
    suggestions: tuple[str, ...] = ()

    @property
    def is_present(self) -> bool:
        """Whether the fact is proven; *unknown* is not."""
        return self.verdict is _PRESENT

    def __str__(self) -> str:
        return f"{self.fact} is {self.verdict}: {self.note}"
