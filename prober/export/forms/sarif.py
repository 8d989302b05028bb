"""SARIF 2.1.0 (OASIS, errata 01), which code reviews and editors show at its place.

A domain's refusals stand in its file.  What is in no file that could be shown, a command line that was typed and what
came by standard input, is an artifact of the document by a name that is no file's; the command line's text is in it.

What is not asked of it by the standard is asked by those who show it: GitHub takes no place without a ``uri``, cuts
descriptions at 1000 characters, and shows each rule's ``help`` (docs.github.com, "SARIF support for code scanning").
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from prober.export.forms.model import STDIN, CaseOutcome, FormCase, FormPlace, FormReport, FormResult
from prober.export.rulebook.model import RuleText

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

#: Where relative names of files begin, as GitHub calls it.
_BASE = "%SRCROOT%"

#: How what is in no file is called, and what that is.
_LINE, _INPUT = ("command-line", "the command line that was typed"), ("stdin", "what came by standard input")

#: What a result is recognised by when it is found again: a name that says how it was made.
FINGERPRINT = "prober/v1"


def render_sarif(report: FormReport, version: str, rule_of: Callable[[str], RuleText]) -> dict[str, Any]:
    """The document, as JSON.

    ``version`` is prober's own; ``rule_of`` tells what is known of a rule by its name.
    """
    results = report.results
    names = list(dict.fromkeys(one.rule for one in results))
    marks = _fingerprints(results)
    run: dict[str, Any] = {
        "tool": {
            "driver": {"name": "prober", "semanticVersion": version, "rules": [_rule(rule_of(name)) for name in names]}
        },
        "automationDetails": {"id": f"prober/{report.command}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report.cases)],
        "results": [_result(one, names, report, mark) for one, mark in zip(results, marks, strict=True)],
    }
    artifacts = _artifacts(report)
    if artifacts:
        run["artifacts"] = artifacts
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: RuleText) -> dict[str, Any]:
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.title_text},
        "fullDescription": {"text": rule.means_text},
        "help": {"text": rule.help_text, "markdown": rule.help_markdown},
        **({"helpUri": rule.uri} if rule.uri else {}),
    }


def _invocation(cases: Sequence[FormCase]) -> dict[str, Any]:
    """Who could not be asked, but for files that cannot be read: those are results."""
    broken = [case for case in cases if case.outcome is CaseOutcome.broken]
    told = [
        ": ".join(part for part in (case.name, case.group, case.said) if part) for case in broken if not case.results
    ]
    return {
        "executionSuccessful": not broken,
        "toolExecutionNotifications": [{"level": "error", "message": {"text": text}} for text in told],
    }


def _result(one: FormResult, names: Sequence[str], report: FormReport, mark: str) -> dict[str, Any]:
    location = _location(one.place, report)
    return {
        "ruleId": one.rule,
        "ruleIndex": names.index(one.rule),
        "level": one.level.value,
        "message": {"text": one.text},
        **({"locations": [location]} if location else {}),
        "partialFingerprints": {FINGERPRINT: mark},
    }


def _fingerprints(results: Sequence[FormResult]) -> list[str]:
    """Of each what stays when lines move, and when other QEMUs are asked: what it says, of what and in which file.

    Those that are alike in all of that are numbered.
    """
    seen: Counter[str] = Counter()
    marks = []
    for one in results:
        said = "\0".join((one.rule, one.place.file, one.place.where, one.message))
        mark = hashlib.sha256(said.encode(errors="surrogatepass")).hexdigest()[:32]
        seen[mark] += 1
        marks.append(f"{mark}:{seen[mark]}")
    return marks


def _location(place: FormPlace, report: FormReport) -> dict[str, Any]:
    location: dict[str, Any] = {}
    artifact = _artifact(place, report)
    if artifact:
        location["physicalLocation"] = {"artifactLocation": artifact}
        if place.line:
            location["physicalLocation"]["region"] = _region(place)
    if place.where:
        location["logicalLocations"] = [{"fullyQualifiedName": place.where}]
    return location


def _region(place: FormPlace) -> dict[str, Any]:
    region = {"startLine": place.line}
    if place.column:
        region["startColumn"] = place.column
        if place.end > place.column:
            region |= {"endLine": place.line, "endColumn": place.end}
    return region


def _artifact(place: FormPlace, report: FormReport) -> dict[str, Any]:
    if not place.file:
        return {"uri": _LINE[0], "index": 0} if report.line else {}
    if place.file == STDIN:
        return {"uri": _INPUT[0], "index": int(bool(report.line))}
    path = quote(place.file, errors="surrogateescape")
    return {"uri": f"file://{path}"} if place.file.startswith("/") else {"uri": path, "uriBaseId": _BASE}


def _artifacts(report: FormReport) -> list[dict[str, Any]]:
    """What is in no file."""
    found = []
    if report.line:
        found.append({**_unfiled(*_LINE), "contents": {"text": report.line}})
    if any(one.place.file == STDIN for one in report.results):
        found.append(_unfiled(*_INPUT))
    return found


def _unfiled(uri: str, what: str) -> dict[str, Any]:
    return {"location": {"uri": uri}, "description": {"text": what}, "roles": ["analysisTarget"]}
