"""``prober supports``: its three answers, its exit codes, its two forms."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.making import make_fake
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


@pytest.mark.parametrize("fact", ["", "a..b", "a b\nc", "x" * 5000, "{}"])
def test_what_is_no_fact_is_wrong_usage(run: Run, replies: Path, fact: str) -> None:
    ended = run("supports", "--replies", replies, "--", fact)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("prober: ")
    assert "\nhint: write TYPE" in ended.err


FACTS = ["PIIX4_PM", "no-such-type", "silent.anything"]


@pytest.mark.parametrize(("count", "code"), [(3, 1), (2, 1), (1, 0)])
def test_several_facts_are_told_of_in_their_order(run: Run, replies: Path, count: int, code: int) -> None:
    ended = run("supports", "--replies", replies, *FACTS[:count])
    assert (ended.code, ended.err) == (code, "")
    told = [block.splitlines()[0].partition(": ")[0] for block in ended.out.split("\n\n")]
    assert told == FACTS[:count]
    by_stdin = run("supports", "--replies", replies, "-", stdin="\n".join(["", *FACTS[:count], " "]).encode())
    assert (by_stdin.code, by_stdin.out) == (code, ended.out)


def test_one_that_is_unknown_is_4_where_none_is_absent(run: Run, replies: Path) -> None:
    ended = run("supports", "--replies", replies, "--json", FACTS[0], FACTS[2])
    assert (ended.code, [one["verdict"] for one in ended.json]) == (4, ["present", "unknown"])
    alone = run("supports", "--replies", replies, "--json", "-", stdin=b"PIIX4_PM")
    assert (alone.code, [one["fact"] for one in alone.json]) == (0, ["PIIX4_PM"])


@pytest.mark.parametrize(("stdin", "said"), [(b"", "has no facts"), (b"\xff", "cannot be read"), (b"a..b", "a..b")])
def test_what_stdin_has_instead_is_wrong_usage(run: Run, replies: Path, stdin: bytes, said: str) -> None:
    ended = run("supports", "--replies", replies, "-", stdin=stdin)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


@pytest.mark.parametrize("fact", FACTS)
def test_quiet_has_the_exit_code_alone(run: Run, replies: Path, fact: str) -> None:
    loud, quiet = run("supports", "--replies", replies, fact), run("supports", "-q", "--replies", replies, fact)
    assert (quiet.code, quiet.out, quiet.err) == (loud.code, "", "")
    assert run("supports", "--replies", replies, fact).out == loud.out
    wrong = run("supports", "-q", "--replies", replies, "a..b")
    assert (wrong.code, wrong.err.startswith("prober: ")) == (2, True)


def test_the_environment_names_who_answers(run: Run, replies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBER_REPLIES", str(replies))
    assert run("supports", "PIIX4_PM").out == run("supports", "--replies", replies, "PIIX4_PM").out
    monkeypatch.setenv("PROBER_SOCKET", "gone.sock")
    both = run("supports", "PIIX4_PM")
    assert (both.code, "PROBER_SOCKET and PROBER_REPLIES are both set" in both.err) == (2, True)
    # An option stands over both.
    assert run("supports", "--replies", replies, "PIIX4_PM").code == 0
    monkeypatch.delenv("PROBER_REPLIES")
    for command in (["supports", "PIIX4_PM"], ["metrics"], ["diff", replies, "nope"]):
        ended = run(*command)
        assert (ended.code, ended.err.startswith("prober: there is no service on gone.sock")) == (5, True), ended


def test_a_binary_by_its_name_is_looked_up_in_path(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    fake = make_fake(tmp_path / "bin", "good")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    ended = run("supports", "--binary", fake.name, "e1000")
    assert (ended.code, ended.out.splitlines()[1]) == (0, f"  of        {fake} (QEMU 9.8.7, x86_64)")
    nowhere = run("supports", "--binary", "qemu-system-none", "e1000")
    assert (nowhere.code, nowhere.err.splitlines()[0]) == (2, "prober: no program 'qemu-system-none' is in PATH")
