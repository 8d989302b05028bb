"""``make run``: what a new user sees first."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.integration.processes import PATIENCE, start_group
from tests.proc import descendants_of, name_of

_CHECKED = "checked against all that this QEMU says of itself; --prove starts it\n"

#: It ends within a second; where other tests run beside it, within some.
MOST_S = 1.0 if "PYTEST_XDIST_WORKER" not in os.environ else 4.0


def _commands(printed: str) -> list[str]:
    """What stands under "Try from a second terminal"."""
    block = printed.partition("Try from a second terminal:\n")[2].partition("\n\n")[0]
    return [line.strip() for line in block.splitlines()]


def _try(command: str) -> subprocess.CompletedProcess[str]:
    """Run one of them: all is well with it, and a translation says what it goes by."""
    ended = subprocess.run(
        command, shell=True, cwd=CHECKOUT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    said = _CHECKED if command.split()[1] == "translate" else ""
    assert (ended.returncode, ended.stderr) == (0, said), command
    return ended


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a short path: that of a socket may have no more than 107 bytes."""
    return tmp_path_factory.mktemp("run")


def test_it_serves_what_is_installed_until_ctrl_c(qemu_binary: str, place: Path) -> None:
    with start_group(["make", "run", f"RUN={place}"]) as group:
        printed = group.wait_for(lambda text: "Ctrl-C ends it." in text)
        assert f"prober serves on {place}/prober.sock:" in printed
        assert re.search(rf"  {Path(qemu_binary).name} +QEMU [\d.]+, x86_64, interviewed in \d+\.\d\d s\n", printed)

        commands = _commands(printed)
        assert [command.split()[1] for command in commands] == ["supports", "translate"]
        for command in commands:
            ended = _try(command)
            assert ended.stdout.startswith(("PIIX4_PM.acpi-root-pci-hotplug: present\n", f"{qemu_binary} \\\n"))

        assert group.press_ctrl_c() < MOST_S
        assert not (place / "prober.sock").exists()
        assert "Traceback" not in group.printed


def test_a_second_start_knows_the_answers(qemu_binary: str, place: Path) -> None:
    for expected in ("interviewed in", "known from the cache"):
        with start_group(
            ["make", "run", f"RUN={place}", f"SERVE_OPTIONS=--directory {place} --binary {qemu_binary}"]
        ) as group:
            printed = group.wait_for(lambda text: "Ctrl-C ends it." in text)
            line = next(line for line in printed.splitlines() if line.startswith(f"  {Path(qemu_binary).name} "))
            assert expected in line
            assert group.press_ctrl_c() < MOST_S


def test_without_a_qemu_recordings_stand_in(place: Path, fixtures_replies: Path) -> None:
    with start_group(["make", "run", f"RUN={place}", f"SERVE_OPTIONS=--directory {place}"]) as group:
        printed = group.wait_for(lambda text: "Ctrl-C ends it." in text)
        assert "no QEMU was found on this host, so recordings stand in for some:" in printed
        for recording in fixtures_replies.glob("*.replies.xz"):
            assert f"  {recording.name.removesuffix('.replies.xz')} " in printed
        for command in _commands(printed):
            _try(command)
        assert group.press_ctrl_c() < MOST_S


def test_ctrl_c_in_the_middle_of_an_interview_leaves_nothing(qemu_binary: str, place: Path) -> None:
    with start_group(
        ["make", "run", f"RUN={place}", f"SERVE_OPTIONS=--directory {place} --binary {qemu_binary}"]
    ) as group:
        group.wait_for(lambda _: any(_is_qemu(pid) for pid in _descendants(group.members())))
        children = _descendants(group.members())
        assert group.press_ctrl_c() < MOST_S
        assert not [pid for pid in children if _is_qemu(pid)]
        assert not (place / "prober.sock").exists()


def _descendants(parents: list[int]) -> list[int]:
    return [pid for parent in parents for pid in descendants_of(parent)]


def _is_qemu(pid: int) -> bool:
    return name_of(pid).startswith("qemu-system")
