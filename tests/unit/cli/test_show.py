"""``prober show``: a walk through a recording."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from prober.host.facts import HostFacts
from prober.host.look import read_host_facts
from tests.recordings import FIXTURES
from tests.unit.cli.conftest import Run


def test_the_summary_counts(run: Run, replies: Path) -> None:
    (summary,) = run("show", "--replies", replies, "--json").json
    expected = {
        "version": {"major": 7, "minor": 2, "micro": 1, "package": "Debian 1:7.2"},
        "package": "Debian 1:7.2", "target": "x86_64", "kvm": False, "commands": None,
        "types": 3, "asked_types": 2, "properties": 1, "machines": 1, "cpu_models": 1,
        "crashing_types": {"colo-compare": "SIGABRT: assertion failed"},
    }  # fmt: skip
    assert {key: summary[key] for key in expected} == expected
    lines = run("show", "--replies", replies).out.splitlines()
    assert [line.split()[-1] for line in lines if line.startswith("crashing types")] == ["colo-compare"]


def test_the_summary_lists_displays_or_says_that_they_are_unknown(run: Run, replies: Path) -> None:
    words = " ".join(run("show", "--replies", replies).out.split())
    assert "displays unknown: the binary was not asked" in words
    assert "audio drivers unknown: the binary was not asked" in words
    listed = run("show", "--replies", FIXTURES / "qemu-10.0.13.replies.xz", "--json").json[0]
    assert (listed["displays"], listed["audio_drivers"]) == (["none", "curses"], ["none", "alsa", "oss", "wav"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["types"], "colo-compare  device"),
        (["machines"], "pc-i440fx-7.2  pc     yes         255      yes"),
        (["cpus"], "qemu64  qemu64-x86_64-cpu"),
        (["type", "PIIX4_PM"], "acpi-root-pci-hotplug  bool"),
        (["type", "colo-compare"], "asking kills QEMU: SIGABRT: assertion failed"),
        (["type", "silent"], "its properties were never asked"),
    ],
)
def test_each_thing_is_shown_as_text_and_as_json(run: Run, replies: Path, words: list[str], expected: str) -> None:
    ended = run("show", "--replies", replies, *words)
    assert (ended.code, ended.err) == (0, "")
    assert expected in ended.out
    assert run("show", "--replies", replies, "--json", *words).json


@pytest.mark.parametrize(
    "words",
    [
        ["type"],
        ["command"],
        ["commands", "x"],
        ["command", "x"],
        ["commands"],
        ["types", "PIIX4_PM"],
        ["type", "PIIX4_PN"],
        ["nonsense"],
    ],
)
def test_what_cannot_be_shown_is_wrong_usage(run: Run, replies: Path, words: list[str]) -> None:
    ended = run("show", "--replies", replies, *words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err


def test_commands_are_shown(run: Run) -> None:
    newer = FIXTURES / "qemu-10.0.13.replies.xz"
    listed = run("show", "--replies", newer, "commands")
    assert listed.code == 0
    assert {"blockdev-add command", "STOP event"} <= {" ".join(line.split()) for line in listed.out.splitlines()}
    assert set(run("show", "--replies", newer, "--json", "commands").json) == {"binary", "commands", "events"}
    assert "did you mean" in run("show", "--replies", newer, "command", "blockdev-ad").err


def test_a_command_is_shown_as_a_tree(run: Run) -> None:
    newer = FIXTURES / "qemu-10.0.13.replies.xz"
    lines = run("show", "--replies", newer, "command", "blockdev-add").out.splitlines()
    assert lines[0] == "blockdev-add: QMP command, returns object"
    assert "  discard?: enum ignore|unmap" in lines
    cache = lines.index("  cache?: object")
    assert lines[cache + 1 : cache + 3] == ["    direct?: boolean", "    no-flush?: boolean"]
    of_file = lines.index("  where driver=file:")
    assert lines[of_file + 1] == "    filename: string"
    assert "    file: string or object (as blockdev-add)" in lines
    commit = run("show", "--replies", newer, "command", "block-commit").out.splitlines()
    assert "  base?: string [deprecated]" in commit
    assert run("show", "--replies", newer, "command", "query-version").out.endswith("\nit takes no arguments\n")
    members = run("show", "--replies", newer, "--json", "command", "blockdev-add").json["members"]
    assert [one["type"] for one in members if one["name"] == "discard"] == ["enum"]


def test_this_host_is_shown_for_a_binary_that_is_not_asked_for_it(run: Run) -> None:
    shown = run("show", "--binary", "/bin/false", "host", "--json")
    assert (shown.code, shown.err) == (0, "")
    assert HostFacts.model_validate(shown.json) == read_host_facts()
    lines = run("show", "--binary", "/bin/false", "host").out.splitlines()
    assert f"kernel {os.uname().release}" in {" ".join(line.split()) for line in lines}
    assert {"nested", "huge pages", "vhost net", "tun"} <= {line.partition("  ")[0] for line in lines}


def test_a_recording_does_not_tell_of_its_host(run: Run, replies: Path) -> None:
    ended = run("show", "--replies", replies, "host")
    assert (ended.code, ended.out) == (2, "")
    assert "a recording does not tell of its host" in ended.err
