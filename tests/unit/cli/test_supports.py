"""``prober supports``: its three answers, its exit codes, its two forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run


@pytest.mark.parametrize(
    ("fact", "code", "verdict"),
    [
        ("PIIX4_PM.acpi-root-pci-hotplug", 0, "present"),
        ("PIIX4_PM", 0, "present"),
        ("PIIX4_PM.acpi-root-pci-hotplugs", 1, "absent"),
        ("no-such-type", 1, "absent"),
        ("silent.anything", 4, "unknown"),
        ("colo-compare.anything", 4, "unknown"),
    ],
)
def test_the_exit_code_is_the_answer(run: Run, replies: Path, fact: str, code: int, verdict: str) -> None:
    ended = run("supports", "--replies", replies, fact)
    assert (ended.code, ended.err) == (code, "")
    assert ended.out.startswith(f"{fact}: {verdict}\n")

    in_json = run("supports", "--replies", replies, "--json", fact)
    assert in_json.code == code
    assert (in_json.json["fact"], in_json.json["verdict"]) == (fact, verdict)


def test_the_grounds_are_shown(run: Run, replies: Path) -> None:
    ended = run("supports", "--replies", replies, "PIIX4_PM.acpi-root-pci-hotplug")
    assert f"of        {replies} (QEMU 7.2.1, x86_64)" in ended.out
    assert 'asked     qom-list-properties {"typename": "PIIX4_PM"}' in ended.out
    assert '"name": "acpi-root-pci-hotplug"' in ended.out


def test_a_crash_is_shown_with_its_last_words(run: Run, replies: Path) -> None:
    assert "SIGABRT: assertion failed" in run("supports", "--replies", replies, "colo-compare.anything").out


def test_an_option_stands_behind_two_dashes(run: Run, replies: Path) -> None:
    assert run("supports", "--replies", replies, "--", "-overcommit.mem-lock").code == 4


@pytest.mark.parametrize("fact", ["", "a..b", "a b\nc", "x" * 5000, "-", "{}"])
def test_what_is_no_fact_is_wrong_usage(run: Run, replies: Path, fact: str) -> None:
    ended = run("supports", "--replies", replies, "--", fact)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("prober: ")
    assert "\nhint: write TYPE" in ended.err
