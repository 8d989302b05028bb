"""What is said of a whole argv: the one form in which the command and the service give it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from prober.capabilities import Capabilities, Evidence
from prober.commandline.brief import within_an_answer
from prober.commandline.check import check
from prober.commandline.json_form import check_json
from prober.commandline.parse import parse_command_line, refuse_no_line
from prober.commandline.refusal import Finding, Kind, Position
from prober.errors import UsageError

#: More findings than anybody reads; an argv may be made to have a hundred thousand.
MOST_FINDINGS = 1000

#: With one of these QEMU does not start, or does not do what it was told.
_FAULTS = frozenset({Kind.error, Kind.ignored})

#: The longest value, in characters, of which it is remembered that it is sound.
_MOST_KEPT = 1024

#: Half of a character (JSON can have it), or a byte that is none (``sys.argv`` can have it).
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class ArgvFinding(BaseModel):
    """One finding (see :class:`~prober.commandline.refusal.Finding`) about a word of an argv.

    ``position`` is the index of the word that holds the ``flag``; 0 is the binary, and ``flag`` is empty for a disk
    image by itself.  ``part`` is the key or member that it is about, empty for the option as a whole.  ``rule`` is the
    name of what found it (docs/rules.md); a proof that was kept by an earlier prober has none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    position: int
    flag: str
    part: str
    kind: Kind
    message: str
    qemu_name: str | None
    evidence: Evidence | None
    hint: str
    rule: str = ""


class ArgvReport(BaseModel):
    """All that is found, in the order of the words.

    ``ground`` says on what ground: the line was held against all that the binary said, and not started.
    ``clean`` says that nothing is of the kinds *error* and *ignored*.  ``left_off`` counts what was found beyond
    :data:`MOST_FINDINGS`, or what an answer has room for (:mod:`prober.commandline.brief`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ground: Literal["checked"] = "checked"
    findings: tuple[ArgvFinding, ...]
    clean: bool
    left_off: int = 0


def check_argv(words: Sequence[str], caps: Capabilities, *, assume_unknown_present: bool = False) -> ArgvReport:
    """Hold the words of an argv, of which the first is the binary, against capabilities.

    ``assume_unknown_present`` leaves out what is of the kind *unknown*.  What the words are is only read: no file is
    opened and nothing is run.

    :raise UsageError: where there are no words, too many, or some that are no text, or the first is an option.
    """
    refuse_no_line(words)
    words = [*words]
    text = "".join(words)
    if not text.isascii() or "\0" in text:
        _refuse_no_text(words)
    line = parse_command_line(words)
    # None tells these from the words of a domain's options, which are of values that need not be texts.
    keys = [(place.flag, value, None) if len(value or "") <= _MOST_KEPT else None for place, value in line.written]
    found = [
        *line.findings,
        *check_json(line.written, caps),
        *check(line.options, caps, written=keys, program=words[0]),
    ]
    if assume_unknown_present:
        found = [finding for finding in found if finding.kind is not Kind.unknown]
    reported = sorted(_reported(found), key=lambda finding: finding.position)
    told = within_an_answer(reported[:MOST_FINDINGS])
    return ArgvReport(
        findings=tuple(told),
        clean=not any(finding.kind in _FAULTS for finding in reported),
        left_off=len(reported) - len(told),
    )


def _refuse_no_text(words: list[str]) -> None:
    for number, word in enumerate(words):
        if _SURROGATE.search(word):
            raise UsageError(f"word {number} of the command line is not UTF-8")
        if "\0" in word:
            raise UsageError(f"word {number} of the command line has a NUL, which no program is given")


def _reported(found: Iterable[Finding]) -> Iterator[ArgvFinding]:
    return map(reported_finding, found)


def reported_finding(finding: Finding) -> ArgvFinding:
    """A finding about a word, as it is given."""
    place = finding.place
    assert isinstance(place, Position), "the options of an argv come from its words"
    return ArgvFinding(
        position=place.word,
        flag=place.flag,
        part=finding.part,
        kind=finding.kind,
        message=finding.message,
        qemu_name=finding.qemu_name,
        evidence=finding.evidence,
        hint=finding.hint,
        rule=finding.rule,
    )
