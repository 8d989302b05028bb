"""What was asked and what was found, as all forms have it: what a form has no room for, it leaves out."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class FormLevel(StrEnum):
    """How much it weighs.

    ``error``: it is refused, or would be ignored.  ``warning``: deprecated, or nobody can tell.  ``note``: told.
    """

    error = "error"
    warning = "warning"
    note = "note"


class CaseOutcome(StrEnum):
    """What came of one thing that was asked; ``unknown`` is where nothing can be said, ``broken`` where nobody could be
    asked."""

    passed = "passed"
    refused = "refused"
    unknown = "unknown"
    broken = "broken"


#: What a file is called that came by standard input.
STDIN = "<stdin>"


class FormPlace(NamedTuple):
    """Where it is: ``line`` and ``column`` from 1 (0: not known) of ``file``, or of the command line where that is
    empty; ``where`` is the place by its name, an XPath or an option.  ``end`` is the column behind it in the same line
    (0: not known)."""

    file: str = ""
    line: int = 0
    column: int = 0
    where: str = ""
    end: int = 0


class FormResult(NamedTuple):
    """One thing that was found: ``rule`` is its name (docs/rules.md), ``hint`` what would help, ``by`` the QEMU that
    says so."""

    rule: str
    level: FormLevel
    message: str
    place: FormPlace = FormPlace()
    hint: str = ""
    by: str = ""

    @property
    def text(self) -> str:
        """Message and hint, and who says so, in one text."""
        text = f"{self.message} ({self.hint})" if self.hint else self.message
        return f"{text} [{self.by}]" if self.by else text


class FormCase(NamedTuple):
    """One thing that was asked: ``name`` is the file or the line, ``group`` who was asked; ``said`` is the verdict in
    words, ``seconds`` how long it took."""

    name: str
    group: str
    outcome: CaseOutcome
    results: tuple[FormResult, ...] = ()
    said: str = ""
    seconds: float = 0.0


class FormReport(NamedTuple):
    """All that a command was asked: ``command`` is its name, ``line`` the command line that was asked about, where one
    was, as a shell has it."""

    command: str
    cases: tuple[FormCase, ...]
    line: str = ""

    @property
    def results(self) -> list[FormResult]:
        """All that was found, in order; what several QEMUs say alike stands once, with all of them."""
        merged: dict[tuple[object, ...], FormResult] = {}
        for case in self.cases:
            for one in case.results:
                key = one._replace(by="")
                known = merged.get(key)
                who = [known.by] if known is not None and known.by else []
                if one.by and one.by not in (", ".join(who)).split(", "):
                    who.append(one.by)
                merged[key] = one._replace(by=", ".join(who))
        return list(merged.values())
