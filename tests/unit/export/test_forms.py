"""SARIF, JUnit's XML and GitHub's workflow commands: each holds what was found, whatever the texts have in them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema_rs
from hypothesis import given, settings
from hypothesis import strategies as some
from lxml import etree

from prober.export.forms.github import escape_data, escape_property, render_github
from prober.export.forms.junit import render_junit
from prober.export.forms.model import CaseOutcome, FormCase, FormLevel, FormPlace, FormReport, FormResult
from prober.export.forms.sarif import render_sarif
from prober.export.rulebook.find import rule_text
from tests.sarif_form import sarif_schemas

#: Texts as files, QEMUs and XML have them, with what the forms have a meaning for.
TEXTS = some.text(some.sampled_from("ab%:,\r\n<>&\"'\x00\x1b\ufffe]\ud800é😀") | some.characters(), max_size=20)
#: Without halves of characters, which no JSON or XML has.
SOUND = TEXTS.map(lambda text: re.sub("[\ud800-\udfff]", "", text))
PLACES = some.builds(FormPlace, SOUND, some.integers(0, 9), some.integers(0, 9), SOUND)
RULES = some.sampled_from(["xml/twice", "option/property", "line/image-lock", "element/disk.address"])
RESULTS = some.builds(FormResult, RULES, some.sampled_from(FormLevel), SOUND, PLACES, SOUND, SOUND)
CASES = some.builds(
    FormCase,
    SOUND,
    SOUND,
    some.sampled_from(CaseOutcome),
    some.lists(RESULTS, max_size=3).map(tuple),
    SOUND,
    some.floats(0, 1e6),
)
REPORTS = some.builds(FormReport, some.just("check"), some.lists(CASES, max_size=3).map(tuple), SOUND)

JUNIT = etree.XMLSchema(etree.parse(Path(__file__).parent / "junit.xsd"))
SCHEMAS = [jsonschema_rs.validator_for(schema) for schema in sarif_schemas()]


def refused(*results: FormResult, name: str = "vm.xml", group: str = "QEMU 7.2.22") -> FormReport:
    return FormReport("check", (FormCase(name, group, CaseOutcome.refused, results, "refused"),))


def sarif(report: FormReport) -> dict[str, Any]:
    return render_sarif(report, "1.2.3", rule_text)


def read_command(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command, as GitHub's runner reads it (``actions/runner``, ``ActionCommand.TryParseV2``)."""
    found = re.fullmatch(r"::(\w+) (.*?)::(.*)", line, re.DOTALL)
    assert found is not None, line
    properties = dict(part.split("=", 1) for part in found[2].split(",") if part)
    plain = {"%25": "%", "%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ","}

    def read(text: str) -> str:
        return re.sub("%25|%0D|%0A|%3A|%2C", lambda match: plain[match[0]], text)

    return found[1], {name: read(value) for name, value in properties.items()}, read(found[3])


@settings(deadline=None, max_examples=50)
@given(REPORTS)
def test_a_sarif_document_is_of_its_schema_and_has_each_result(report: FormReport) -> None:
    document = json.loads(json.dumps(sarif(report)))
    assert [error.message for schema in SCHEMAS for error in schema.iter_errors(document)] == []
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[one["ruleIndex"]]["id"] for one in run["results"]] == [one.rule for one in report.results]
    assert [one["message"]["text"] for one in run["results"]] == [one.text for one in report.results]
    assert all(rule["help"]["text"] and rule["help"]["markdown"] and rule["helpUri"] for rule in rules)


def test_a_sarif_result_is_at_its_place() -> None:
    found = FormResult("xml/twice", FormLevel.error, "twice", FormPlace("a b/vm.xml", 3, 5, "/domain/name[2]"))
    (result,) = sarif(refused(found))["runs"][0]["results"]
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "a%20b/vm.xml", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 3, "startColumn": 5},
            },
            "logicalLocations": [{"fullyQualifiedName": "/domain/name[2]"}],
        }
    ]


def test_a_line_that_was_typed_stands_in_the_document() -> None:
    found = FormResult("option/property", FormLevel.error, "no mak", FormPlace("", 1, 9, "-device mak"))
    run = sarif(FormReport("check-argv", (FormCase("q", "", CaseOutcome.refused, (found,)),), "q -device mak"))["runs"][
        0
    ]
    assert run["artifacts"] == [{"contents": {"text": "q -device mak"}, "roles": ["analysisTarget"]}]
    assert run["results"][0]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"index": 0},
        "region": {"startLine": 1, "startColumn": 9},
    }


def test_who_could_not_be_asked_is_no_result() -> None:
    case = FormCase("vm.xml", "/usr/bin/qemu", CaseOutcome.broken, (), "it ended")
    (run,) = sarif(FormReport("check", (case,)))["runs"]
    (invocation,) = run["invocations"]
    assert (run["results"], invocation["executionSuccessful"]) == ([], False)
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "vm.xml: /usr/bin/qemu: it ended"


@settings(deadline=None, max_examples=50)
@given(REPORTS)
def test_junit_is_xml_of_its_form_and_counts_rightly(report: FormReport) -> None:
    top = etree.fromstring(render_junit(report).encode())
    assert JUNIT.validate(top), JUNIT.error_log
    cases = top.findall("testsuite/testcase")
    assert len(cases) == len(report.cases) == int(top.get("tests", ""))
    for kind, outcome in (("failure", "refused"), ("error", "broken"), ("skipped", "unknown")):
        assert len(top.findall(f".//{kind}")) == [case.outcome.value for case in report.cases].count(outcome)
    assert sum(int(suite.get("failures", "")) for suite in top) == int(top.get("failures", ""))


def test_junit_keeps_what_xml_can_have() -> None:
    found = FormResult("xml/twice", FormLevel.error, 'a<b> & \x1b "c"', FormPlace("vm.xml", 3, 5, "/domain/name[2]"))
    (failure,) = etree.fromstring(render_junit(refused(found)).encode()).findall(".//failure")
    assert failure.text == 'vm.xml:3:5: /domain/name[2]: error: a<b> & \ufffd "c" [xml/twice]'
    assert (failure.get("type"), failure.get("message")) == ("xml/twice", "refused")


@settings(deadline=None, max_examples=50)
@given(REPORTS)
def test_a_github_annotation_is_read_as_it_was_meant(report: FormReport) -> None:
    lines = list(render_github(report))
    assert all("\n" not in line and "\r" not in line for line in lines)
    for line, one in zip(lines, report.results, strict=True):
        level, properties, message = read_command(line)
        assert level == {"error": "error", "warning": "warning", "note": "notice"}[one.level]
        assert (properties.get("file", ""), properties["title"]) == (one.place.file, one.rule)
        assert message == (f"{one.place.where}: {one.text}" if one.place.where else one.text)


@settings(deadline=None, max_examples=50)
@given(SOUND)
def test_nothing_ends_a_property_or_a_command(text: str) -> None:
    assert not re.search("[\r\n]", escape_data(text))
    assert not re.search("[\r\n:,]", escape_property(text))
    assert unquote(escape_property(text)) == unquote(escape_data(text))


def test_what_several_say_alike_is_told_once() -> None:
    one = FormResult("xml/twice", FormLevel.error, "twice", FormPlace("vm.xml", 3))
    cases = tuple(
        FormCase("vm.xml", who, CaseOutcome.refused, (one._replace(by=who),)) for who in ("QEMU 5", "QEMU 7", "QEMU 5")
    )
    assert [found.text for found in FormReport("check", cases).results] == ["twice [QEMU 5, QEMU 7]"]
