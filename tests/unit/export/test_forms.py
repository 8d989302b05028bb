"""SARIF, JUnit's XML and GitHub's workflow commands: each holds what was found, whatever the texts have in them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from lxml import etree

from prober.export.forms.github import escape_data, escape_property, render_github
from prober.export.forms.junit import render_junit
from prober.export.forms.model import CaseOutcome, FormCase, FormLevel, FormPlace, FormReport, FormResult
from prober.export.forms.sarif import render_sarif
from prober.export.rulebook.find import known_rules, rule_text
from tests.sarif_form import sarif_faults

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
    assert sarif_faults(document) == []
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[one["ruleIndex"]]["id"] for one in run["results"]] == [one.rule for one in report.results]
    assert [one["message"]["text"] for one in run["results"]] == [one.text for one in report.results]


def test_a_sarif_result_is_at_its_place() -> None:
    found = FormResult("xml/twice", FormLevel.error, "twice", FormPlace("a b/50%/vm.xml", 3, 5, "/domain/name[2]", 9))
    (result,) = sarif(refused(found))["runs"][0]["results"]
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "a%20b/50%25/vm.xml", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 9},
            },
            "logicalLocations": [{"fullyQualifiedName": "/domain/name[2]"}],
        }
    ]


def test_a_line_that_was_typed_stands_in_the_document() -> None:
    found = FormResult("option/property", FormLevel.error, "no mak", FormPlace("", 1, 9, "-device mak"))
    run = sarif(FormReport("check-argv", (FormCase("q", "", CaseOutcome.refused, (found,)),), "q -device mak"))["runs"][
        0
    ]
    (artifact,) = run["artifacts"]
    assert artifact["contents"] == {"text": "q -device mak"}
    assert run["results"][0]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": artifact["location"]["uri"], "index": 0},
        "region": {"startLine": 1, "startColumn": 9},
    }


def test_who_could_not_be_asked_is_no_result() -> None:
    case = FormCase("vm.xml", "/usr/bin/qemu", CaseOutcome.broken, (), "it ended")
    (run,) = sarif(FormReport("check", (case,)))["runs"]
    (invocation,) = run["invocations"]
    assert (run["results"], invocation["executionSuccessful"]) == ([], False)
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "vm.xml: /usr/bin/qemu: it ended"


def test_what_came_by_stdin_is_in_no_file_of_the_sources() -> None:
    found = FormResult("xml/twice", FormLevel.error, "twice", FormPlace("<stdin>", 3, 5, "/domain/name[2]"))
    document = sarif(refused(found, name="<stdin>"))
    assert sarif_faults(document) == []
    (run,) = document["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "stdin", "index": 0}
    assert run["artifacts"][place["index"]]["location"] == {"uri": "stdin"}


def marks_of(*results: FormResult) -> list[str]:
    return [one["partialFingerprints"]["prober/v1"] for one in sarif(refused(*results))["runs"][0]["results"]]


def test_a_result_is_known_again_when_lines_move_and_others_are_asked() -> None:
    one = FormResult("xml/twice", FormLevel.error, "twice", FormPlace("vm.xml", 3, 5, "/domain/name[2]"), by="QEMU 5")
    moved = one._replace(place=one.place._replace(line=30, column=1, end=4), by="QEMU 5, QEMU 7", hint="leave it out")
    assert marks_of(one) == marks_of(moved)
    others = [
        one._replace(rule="xml/missing"),
        one._replace(message="thrice"),
        one._replace(place=one.place._replace(file="other.xml")),
        one._replace(place=one.place._replace(where="/domain/name[3]")),
    ]
    marks = marks_of(one, *others, one._replace(place=one.place._replace(line=4)))
    assert len(set(marks)) == 6
    assert marks[0].partition(":")[0] == marks[-1].partition(":")[0]


def test_a_link_that_leads_nowhere_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    one = FormResult("xml/twice", FormLevel.error, "twice")
    monkeypatch.delenv("PROBER_RULES_URL", raising=False)
    assert "helpUri" not in sarif(refused(one))["runs"][0]["tool"]["driver"]["rules"][0]
    monkeypatch.setenv("PROBER_RULES_URL", "https://example.org/rules.md")
    assert sarif(refused(one))["runs"][0]["tool"]["driver"]["rules"][0]["helpUri"].endswith("/rules.md#xmltwice")


@pytest.mark.parametrize("name", known_rules())
def test_what_is_said_of_a_rule_can_be_shown(name: str) -> None:
    document = sarif(refused(FormResult(name, FormLevel.error, "wrong")))
    assert sarif_faults(document) == []
    (rule,) = document["runs"][0]["tool"]["driver"]["rules"]
    assert ("what is taken" in rule["help"]["text"]) <= ("(-" in rule["help"]["text"])


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
    assert (failure.get("type"), failure.get("message")) == ("xml/twice", 'refused: a<b> & \ufffd "c"')


def test_junit_has_a_suite_for_each_who_was_asked_in_their_order() -> None:
    cases = [FormCase(name, who, CaseOutcome.passed) for name in "ab" for who in ("QEMU 5.2.0", "QEMU 10.0.13")]
    top = etree.fromstring(render_junit(FormReport("check", tuple(cases))).encode())
    assert [(suite.get("name"), suite.get("tests")) for suite in top] == [("QEMU 5.2.0", "2"), ("QEMU 10.0.13", "2")]


def test_junit_tells_a_refusal_by_what_weighs_most() -> None:
    note = FormResult("xml/twice", FormLevel.note, "told", FormPlace("vm.xml", 1))
    wrong = FormResult("option/property", FormLevel.error, "wrong", FormPlace("vm.xml", 3))
    (failure,) = etree.fromstring(render_junit(refused(note, wrong)).encode()).findall(".//failure")
    assert (failure.get("type"), failure.get("message")) == ("option/property", "refused: wrong")


@settings(deadline=None, max_examples=50)
@given(REPORTS)
def test_a_github_annotation_is_read_as_it_was_meant(report: FormReport) -> None:
    broken = [one for one in report.cases if one.outcome is CaseOutcome.broken and not one.results]
    lines = list(render_github(report))
    assert [read_command(line)[1] for line in lines[: len(broken)]] == [{"title": "not asked"}] * len(broken)
    lines = lines[len(broken) :]
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
