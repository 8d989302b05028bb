"""The forms for CI, as the commands print them: places, rules and exit codes are those of the text."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from lxml import etree

from tests.conftest import CHECKOUT
from tests.recordings import FIXTURES
from tests.sarif_form import sarif_faults
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
    assert sarif_faults(document) == []
    (found,) = document["runs"]
    told = [
        (one["ruleId"], one["locations"][0]["physicalLocation"]["region"], one["message"]["text"][-18:])
        for one in found["results"]
    ]
    assert told == [
        (
            "option/property",
            {"startLine": 11, "startColumn": 26, "endLine": 11, "endColumn": 38},
            "have it) [QEMU 5.2.0]"[-18:],
        ),
        (
            "domain/check-hotplug",
            {"startLine": 12, "startColumn": 24, "endLine": 12, "endColumn": 36},
            "QEMU 5.2.0, QEMU 10.0.13]"[-18:],
        ),
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
    document = json.loads(ended.out)
    assert sarif_faults(document) == []
    (result,) = document["runs"][0]["results"]
    assert (ended.code, result["ruleId"]) == (2, "xml/unreadable")
    assert result["message"]["text"].startswith("not well-formed XML: ")
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]) == ("broken.xml", {"startLine": 2})


def files_in(document: Any) -> set[str]:
    return {
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in document["runs"][0]["results"]
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vm.xml", "a b/vm.xml", "50%/vm,1:2.xml", "caf\u00e9.xml", "n\udcff.xml", "#?&.xml"])
def test_a_file_has_one_name_however_it_was_named(run: Run, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(REFUSED.read_bytes())
    ways = (file, name, f"./{name}", f"{file.parent.name}/../{name}" if "/" in name else f".//{name}")
    told = [json.loads(run("check", way, "--against", NEW, "--format", "sarif").out) for way in ways]
    assert all(sarif_faults(document) == [] for document in told)
    (uri,) = {uri for document in told for uri in files_in(document)}
    assert os.fsencode(name) == unquote_to_bytes(uri)
    assert len({json.dumps(document["runs"][0]["results"]) for document in told}) == 1
    lines = {run("check", way, "--against", NEW, "--format", "github").out for way in ways}
    assert len(lines) == 1


def test_a_file_is_named_from_the_root_of_the_sources(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "vm.xml").write_bytes(REFUSED.read_bytes())
    monkeypatch.chdir(tmp_path / "sub")
    words = ("check", "vm.xml", "--against", NEW, "--format", "sarif")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert files_in(json.loads(run(*words).out)) == {"sub/vm.xml"}
    monkeypatch.setenv("GITHUB_WORKSPACE", "/somewhere/else")
    assert files_in(json.loads(run(*words).out)) == {"vm.xml"}
    outside = json.loads(run("check", REFUSED, "--against", NEW, "--format", "sarif").out)
    assert files_in(outside) == {REFUSED.as_uri()}


def test_who_cannot_be_asked_is_told_in_each_form(run: Run) -> None:
    words = ("check", SOUND, "--against", "/bin/true", "--format")
    ended = run(*words, "github")
    assert ended.code == 5
    assert ended.out.startswith("::error title=not asked::")
    document = json.loads(run(*words, "sarif").out)
    assert sarif_faults(document) == []
    (told,) = document["runs"][0]["invocations"]
    assert not told["executionSuccessful"]
    assert told["toolExecutionNotifications"][0]["message"]["text"].startswith(f"{SOUND}: /bin/true: ")
    top = etree.fromstring(run(*words, "junit").out.encode())
    assert top.get("errors") == "1"


def test_a_line_that_is_handed_on_has_no_secrets(run: Run) -> None:
    words = ("-object", "secret,id=s,data=letmein,dat=x", "-device", "e1000,mak=x")
    ended = run("check-argv", "--replies", NEW, "--format", "sarif", "--", QEMU, *words)
    assert "letmein" not in ended.out
    (told,) = json.loads(ended.out)["runs"]
    text = told["artifacts"][0]["contents"]["text"]
    begins = [one["locations"][0]["physicalLocation"]["region"]["startColumn"] - 1 for one in told["results"]]
    assert [text[at:][:3] for at in begins] == ["dat", "mak"]


def test_what_stdin_has_is_placed_too(run: Run) -> None:
    ended = run("check", "-", "--against", OLD, "--format", "github", stdin=REFUSED.read_bytes())
    assert "file=<stdin>,line=11,col=26" in ended.out


def test_a_line_of_a_file_has_its_place_there(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "vm.sh"
    script.write_text(f"#!/bin/sh\nexec {QEMU} \\\n  -device e1000,mak=x\n")
    ended = run("check-argv", "--replies", NEW, "--format", "github", script)
    assert ended.out.startswith("::error file=vm.sh,line=3,col=17,title=option/property::-device mak: ")


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
