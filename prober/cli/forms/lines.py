"""Command lines: what the check finds of them (``check-argv``), and what a QEMU makes of them (``prove``)."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from prober.cli.argv import Lines
from prober.commandline.written import WrittenLine, places
from prober.commandline.written_word import Word
from prober.export.forms.model import CaseOutcome, FormCase, FormLevel, FormPlace, FormReport, FormResult
from prober.proof.given import given_options
from prober.proof.secrets import hide, secrets_of

_LEVELS = {
    "error": FormLevel.error,
    "ignored": FormLevel.error,
    "deprecated": FormLevel.warning,
    "unknown": FormLevel.warning,
}

#: What is about no file and no word.
_NOWHERE = FormPlace()

_OUTCOMES = {"refused": CaseOutcome.refused, "not provable": CaseOutcome.unknown}


def report_check(given: Sequence[str] | Lines, reports: Sequence[dict[str, Any]]) -> FormReport:
    """A case for each command line, by the file and line where it begins, or of the words that were typed."""
    if isinstance(given, Lines):
        cases = []
        place = places(given.lines[0].text)
        for line, report in zip(given.lines, reports, strict=True):
            begins = place(line.words[0].start).line
            found = [_finding(one, FormPlace(given.name, one["line"], one["column"])) for one in report["findings"]]
            cases.append(_checked(f"{given.name}:{begins}", report, found))
        return FormReport("check-argv", tuple(cases))
    line = _as_typed(given)
    (report,) = reports
    found = [_finding(one, _in_line(line, one)) for one in report["findings"]]
    return FormReport("check-argv", (_checked(given[0], report, found),), line.text)


def report_proof(given: Sequence[str], proof: dict[str, Any], *, passed: bool) -> FormReport:
    """One case: the line that was started; ``passed`` says whether the verdict is enough."""
    line = _as_typed(given)
    outcome = _OUTCOMES.get(proof["verdict"], CaseOutcome.passed if passed else CaseOutcome.unknown)
    version = proof["version"]
    group = f"QEMU {version['major']}.{version['minor']}.{version['micro']}"
    said = f"{proof['verdict']} ({proof['ground']})"
    found = proof_results(proof, line=line)
    return FormReport("prove", (FormCase(given[0], group, outcome, tuple(found), said, proof["seconds"]),), line.text)


def proof_results(
    proof: dict[str, Any], place: FormPlace = _NOWHERE, line: WrittenLine | None = None
) -> list[FormResult]:
    """What a proof found: QEMU's words, what it was started without, what the check said, what it warned of.

    ``place`` is the file of the domain that the line is made of; ``line`` is the line, where it was given.
    """

    def at(item: dict[str, Any] | None) -> FormPlace:
        if item is None:
            return place
        where = _named(item)
        return _in_line(line, item) if line is not None else place._replace(where=where)

    found = []
    if proof["verdict"] == "refused" and proof["said"]:
        found.append(FormResult("proof/refused", FormLevel.error, proof["said"], at(proof["option"])))
    if proof["verdict"] == "not provable":
        found.append(FormResult("proof/not-provable", FormLevel.warning, proof["reason"], place))
    found += [_finding(one, at(one)) for one in proof["findings"]]
    found += [FormResult("proof/left-out", FormLevel.note, one["why"], at(one)) for one in proof["left_out"]]
    found += [FormResult("proof/warning", FormLevel.note, one, place) for one in proof["warnings"]]
    return found


def finding_result(one: dict[str, Any], place: FormPlace) -> FormResult:
    """A finding about a word of a command line that a domain came to."""
    return _finding(one, place)


def _checked(name: str, report: dict[str, Any], found: Sequence[FormResult]) -> FormCase:
    outcome = CaseOutcome.passed if report["clean"] else CaseOutcome.refused
    more = f", and {report['left_off']} more" if report["left_off"] else ""
    return FormCase(name, "", outcome, tuple(found), f"{len(found)} findings{more}")


def _finding(one: dict[str, Any], place: FormPlace) -> FormResult:
    where = place.where or _named(one)
    return FormResult(one["rule"], _LEVELS[one["kind"]], one["message"], place._replace(where=where), one["hint"])


def _named(item: dict[str, Any]) -> str:
    return " ".join(word for word in (item["flag"] or "(disk image)", item["part"]) if word)


def _as_typed(words: Sequence[str]) -> WrittenLine:
    """The words as a shell has them, each with its place, and without their secrets: documents are handed on."""
    secrets = secrets_of(given_options([*words]))
    found: list[Word] = []
    at = 0
    for text in (shlex.quote(hide(word, secrets)) for word in words):
        found.append(Word(text, at, at + len(text)))
        at += len(text) + 1
    return WrittenLine(tuple(found), " ".join(word.text for word in found))


def _in_line(line: WrittenLine, item: dict[str, Any]) -> FormPlace:
    at = line.find(item["position"], item["part"], places(line.text))
    return FormPlace("", at.line, at.column, _named(item))
