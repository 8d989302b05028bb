"""The forms for CI, as the commands print them: places, rules and exit codes are those of the text."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
from lxml import etree

from tests.conftest import CHECKOUT
from tests.recordings import FIXTURES
from tests.sarif_form import sarif_schemas
from tests.unit.cli.conftest import Run

OLD = FIXTURES / "qemu-5.2.0.replies.xz"
NEW = FIXTURES / "qemu-10.0.13.replies.xz"
REFUSED = CHECKOUT / "fixtures" / "domains" / "refused.xml"
SOUND = CHECKOUT / "fixtures" / "domains" / "example.xml"
QEMU = "qemu-system-x86_64"


@pytest.mark.parametrize("form", ["text", "json", "sarif", "junit", "github"])
def test_the_exit_code_is_that_of_the_answer(run: Run, form: str) -> None:
    for domain, code in ((REFUSED, 3), (SOUND, 0)):
        assert run("check", domain, "--against", NEW, "--format", form).code == code
    for words, code in ((["-device", "e1000,mak=x"], 3), (["-device", "e1000"], 0)):
        assert run("check-argv", "--replies", NEW, "--format", form, "--", QEMU, *words).code == code


def test_sarif_of_a_domain_has_line_column_rule_and_help(run: Run) -> None:
    ended = run("check", REFUSED, "--against", OLD, "--against", NEW, "--format", "sarif")
    document = json.loads(ended.out)
    for schema in sarif_schemas():
        jsonschema_rs.validator_for(schema).validate(document)
    (found,) = document["runs"]
    told = [
        (one["ruleId"], one["locations"][0]["physicalLocation"]["region"], one["message"]["text"][-18:])
        for one in found["results"]
    ]
    assert told == [
        ("option/property", {"startLine": 11, "startColumn": 26}, "have it) [QEMU 5.2.0]"[-18:]),
        ("domain/check-hotplug", {"startLine": 12, "startColumn": 24}, "QEMU 5.2.0, QEMU 10.0.13]"[-18:]),
    ]
    first = found["tool"]["driver"]["rules"][0]
    assert first["shortDescription"]["text"] == "A property that the type has not"
    assert "What to do" in first["help"]["text"]


def test_github_shows_each_at_its_place(run: Run) -> None:
    lines = run("check", REFUSED, "--against", OLD, "--format", "github").out.splitlines()
    assert [line.split("::")[1] for line in lines] == [
        f"error file={REFUSED},line=11,col=26,title=option/property",
        f"error file={REFUSED},line=12,col=24,title=domain/check-hotplug",
    ]
    assert run("check", SOUND, "--against", NEW, "--format", "github").out == ""


def test_junit_has_a_case_for_each_domain_and_qemu(run: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.xml").write_text("<domain")
    files = (REFUSED, SOUND, tmp_path / "broken.xml")
    ended = run("check", *files, "--against", OLD, "--against", NEW, "--format", "junit")
    assert ended.code == 2
    top = etree.fromstring(ended.out.encode())
    assert [(top.get(name)) for name in ("tests", "failures", "errors")] == ["5", "2", "1"]
    assert {case.get("name", "").rpartition("/")[2] for case in top.iter("testcase")} == {
        "refused.xml",
        "example.xml",
        "broken.xml",
    }


def test_a_domain_that_cannot_be_read_is_a_result(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_text("<domain>\n<name")
    ended = run("check", broken, "--against", NEW, "--format", "sarif")
    (result,) = json.loads(ended.out)["runs"][0]["results"]
    assert (ended.code, result["ruleId"]) == (2, "xml/unreadable")


def test_what_stdin_has_is_placed_too(run: Run) -> None:
    ended = run("check", "-", "--against", OLD, "--format", "github", stdin=REFUSED.read_bytes())
    assert "file=<stdin>,line=11,col=26" in ended.out


def test_a_line_of_a_file_has_its_place_there(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "vm.sh"
    script.write_text(f"#!/bin/sh\nexec {QEMU} \\\n  -device e1000,mak=x\n")
    ended = run("check-argv", "--replies", NEW, "--format", "github", script)
    assert ended.out.startswith(f"::error file={script},line=3,col=17,title=option/property::-device mak: ")


def test_a_line_that_was_typed_has_its_place_in_itself(run: Run) -> None:
    ended = run("check-argv", "--replies", NEW, "--format", "sarif", "--", QEMU, "-device", "e1000,mak=x")
    (told,) = json.loads(ended.out)["runs"]
    text = told["artifacts"][0]["contents"]["text"]
    region = told["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert text[region["startColumn"] - 1 :] == "mak=x"


def test_two_forms_are_one_too_many(run: Run) -> None:
    ended = run("check", SOUND, "--against", NEW, "--json", "--format", "sarif")
    assert (ended.code, ended.out) == (2, "")
    assert "two forms" in ended.err
    assert run("check", SOUND, "--against", NEW, "--json", "--format", "json").code == 0


def test_the_rule_is_told_quietly_in_text(run: Run) -> None:
    assert "  by 5.2.0 [option/property]" in run("check", REFUSED, "--against", OLD, "--against", NEW).out
    assert (
        "rule      option/property"
        in run("check-argv", "--replies", NEW, "-v", "--", QEMU, "-device", "e1000,mak=x").out
    )
