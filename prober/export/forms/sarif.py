"""SARIF 2.1.0 (OASIS, errata 01), which code reviews and editors show at its place.

A domain's refusals stand in its file.  A command line that was typed is in no file: it stands in the document itself,
as a shell has it, and what is found in it points there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from prober.export.forms.model import CaseOutcome, FormPlace, FormReport, FormResult
from prober.export.rulebook.model import RuleText

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

#: Where relative names of files begin, as GitHub calls it.
_BASE = "%SRCROOT%"


def render_sarif(report: FormReport, version: str, rule_of: Callable[[str], RuleText]) -> dict[str, Any]:
    """The document, as JSON.

    ``version`` is prober's own; ``rule_of`` tells what is known of a rule by its name.
    """
    results = report.results
    names = list(dict.fromkeys(one.rule for one in results))
    driver = {
        "name": "prober",
        "semanticVersion": version,
        "rules": [_rule(rule_of(name)) for name in names],
    }
    failures = [case for case in report.cases if case.outcome is CaseOutcome.broken]
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not failures,
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": f"{case.name}: {case.group}: {case.said}"}}
                    for case in failures
                ],
            }
        ],
        "results": [_result(one, names, report) for one in results],
    }
    if report.line:
        run["artifacts"] = [{"contents": {"text": report.line}, "roles": ["analysisTarget"]}]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: RuleText) -> dict[str, Any]:
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.means},
        "help": {"text": rule.help_text, "markdown": rule.help_markdown},
        "helpUri": rule.uri,
    }


def _result(one: FormResult, names: Sequence[str], report: FormReport) -> dict[str, Any]:
    location = _location(one.place, report)
    return {
        "ruleId": one.rule,
        "ruleIndex": names.index(one.rule),
        "level": one.level.value,
        "message": {"text": one.text},
        **({"locations": [location]} if location else {}),
    }


def _location(place: FormPlace, report: FormReport) -> dict[str, Any]:
    location: dict[str, Any] = {}
    artifact = _artifact(place, report)
    if artifact:
        location["physicalLocation"] = {"artifactLocation": artifact}
        if place.line:
            region = {"startLine": place.line}
            if place.column:
                region["startColumn"] = place.column
            location["physicalLocation"]["region"] = region
    if place.where:
        location["logicalLocations"] = [{"fullyQualifiedName": place.where}]
    return location


def _artifact(place: FormPlace, report: FormReport) -> dict[str, Any]:
    if not place.file:
        return {"index": 0} if report.line else {}
    if place.file.startswith("/"):
        return {"uri": f"file://{quote(place.file, errors='surrogateescape')}"}
    return {"uri": quote(place.file, errors="surrogateescape"), "uriBaseId": _BASE}
