"""The forms for CI of what a real QEMU is started for: ``prove``, ``migrate``, ``upgrade``, ``check --prove``."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lxml import etree

from prober.export.rulebook.find import known_rules
from tests.conftest import CHECKOUT
from tests.integration.processes import run_prober
from tests.sarif_form import sarif_faults

pytestmark = [pytest.mark.needs("qemu"), pytest.mark.slow]

QEMU = "/usr/bin/qemu-system-x86_64"
DOMAIN = CHECKOUT / "fixtures" / "domains" / "example.xml"
SOUND = ["qemu", "-accel", "tcg", "-M", "pc", "-m", "64", "-device", "e1000,id=n"]
WRONG = ["qemu", "-accel", "tcg", "-M", "pc", "-m", "64", "-device", "e1000,mac=52:54"]


def sarif(*words: object) -> tuple[int, Any]:
    """The exit code, and the run of the document, which is of its schema; each rule of it has a section."""
    ended = run_prober(*words)
    document = json.loads(ended.out)
    assert sarif_faults(document) == []
    (run,) = document["runs"]
    assert {one["ruleId"] for one in run["results"]} <= set(known_rules())
    return ended.code, run


def test_a_proof_is_told_in_each_form() -> None:
    code, run = sarif("prove", "--binary", QEMU, "--format", "sarif", "--", *SOUND)
    assert (code, run["results"]) == (0, [])
    code, run = sarif("prove", "--binary", QEMU, "--anyway", "--format", "sarif", "--", *WRONG)
    assert code == 3
    refused = next(one for one in run["results"] if one["ruleId"] == "proof/refused")
    region = refused["locations"][0]["physicalLocation"]["region"]
    assert run["artifacts"][0]["contents"]["text"][region["startColumn"] - 1 :] == "mac=52:54"
    ended = run_prober("prove", "--binary", QEMU, "--format", "junit", "--", *SOUND)
    top = etree.fromstring(ended.out.encode())
    assert (ended.code, top.get("tests"), top.get("failures")) == (0, "1", "0")
    assert run_prober("prove", "--binary", QEMU, "--format", "github", "--", *SOUND).out == ""


def test_a_migration_is_told_in_each_form() -> None:
    way = ("--from", QEMU, "--to", QEMU)
    code, run = sarif("migrate", *way, "--format", "sarif", "--", *SOUND)
    assert code == 0
    assert all(one["level"] != "error" for one in run["results"])
    other = "qemu -accel tcg -M pc -m 64"
    code, run = sarif("migrate", *way, "--to-line", other, "--format", "sarif", "--", *SOUND)
    assert code == 3
    assert "migration/refused" in {one["ruleId"] for one in run["results"]}
    ended = run_prober("migrate", *way, "--format", "junit", "--", *SOUND)
    assert etree.fromstring(ended.out.encode()).get("failures") == "0"


def test_an_upgrade_and_a_proven_domain_are_told_with_their_files() -> None:
    code, run = sarif("upgrade", DOMAIN, "--from", QEMU, "--to", QEMU, "--format", "sarif")
    assert code == run_prober("upgrade", DOMAIN, "--from", QEMU, "--to", QEMU, "--quiet").code
    files = {
        place["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"] for place in one["locations"]
    }
    assert files <= {f"file://{DOMAIN}"}
    ended = run_prober("check", DOMAIN, "--against", QEMU, "--prove", "--format", "junit")
    case = etree.fromstring(ended.out.encode()).find(".//testcase")
    assert case is not None
    assert float(case.get("time", "")) > 0
