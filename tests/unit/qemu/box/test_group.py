"""Control groups of boxes: where they may be made, and what a box has of its own.

What the kernel does is seen in its own file system, where we may write to that; that memory is bounded as well is seen
under systemd (``make vm-test``), as there may be no memory controller for us here.
"""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prober.errors import ConfinementError
from prober.proof.blame import Cause
from prober.proof.models import ProofVerdict
from prober.proof.outcome import Outcome, outcome_without_memory
from prober.qemu.box.find import find_box
from prober.qemu.box.group import (
    BoxGroup,
    GroupPlace,
    NoGroupError,
    find_groups,
    make_group,
    own_group,
    places_of,
    settle,
)
from prober.qemu.box.model import Confinement
from prober.qemu.box.opened import box_of
from prober.qemu.launch import Launch
from prober.qemu.process import start_process
from tests.conftest import aio

_MOUNTS = """\
25 1 0:22 / /sys rw,nosuid shared:7 - sysfs sysfs rw
30 25 0:26 / {top}/all rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate
31 25 0:26 /system.slice {top}/a\\040part ro - cgroup2 cgroup2 rw
32 25 0:27 / {top}/memory rw - cgroup cgroup rw,memory
"""


@pytest.fixture
def place() -> Iterator[GroupPlace]:
    """A group of the kernel's own to make others in."""
    try:
        directory = own_group()
    except NoGroupError as error:
        pytest.skip(str(error))
    if not os.access(directory, os.W_OK):
        pytest.skip(f"we may not write to {directory}")
    handed_on = (directory / "cgroup.subtree_control").read_text().split()
    yield GroupPlace(directory, "", tuple(name for name in ("memory", "pids") if name in handed_on))
    assert not list(directory.glob("prober-box-*")), "a group was left behind"


def told(directory: Path, **files: str) -> Path:
    """A directory that looks like a group, as far as it is read."""
    directory.mkdir()
    for name, text in {"controllers": "cpu memory pids", "type": "domain", **files}.items():
        (directory / f"cgroup.{name}").write_text(text)
    return directory


def test_a_group_is_found_in_each_mount_that_shows_it(tmp_path: Path) -> None:
    whole, part = tmp_path / "all/system.slice/x.service", tmp_path / "a part/x.service"
    whole.mkdir(parents=True)
    part.mkdir(parents=True)
    mounts = _MOUNTS.format(top=tmp_path)
    assert places_of("/system.slice/x.service", mounts) == [whole, part]
    assert places_of("/system.slice", mounts) == [whole.parent, part.parent]
    assert places_of("/", mounts) == [tmp_path / "all"]
    assert places_of("/gone", mounts) == places_of("/../outside", mounts) == []


@pytest.mark.parametrize(
    ("name", "files", "said"),
    [
        ("mine", {"controllers": "cpu pids"}, "no memory controller"),
        ("x.service", {"procs": f"{os.getpid()}\n"}, "systemd's own"),
        ("run-1.scope", {"procs": f"{os.getpid()}\n"}, "systemd's own"),
        ("mine", {"procs": f"1\n{os.getpid()}\n"}, "other processes"),
        ("mine", {"procs": "0\n"}, "other processes"),
    ],
)
def test_a_group_that_is_not_ours_is_left_alone(tmp_path: Path, name: str, files: dict[str, str], said: str) -> None:
    group = told(tmp_path / name, **files)
    before = sorted(group.iterdir())
    with pytest.raises(NoGroupError, match=said):
        settle(group)
    assert sorted(group.iterdir()) == before


def test_what_fails_half_way_is_undone(tmp_path: Path) -> None:
    """A directory of files is no group: nothing of the kernel's appears in what is made there."""
    group = told(tmp_path / "mine", procs=f"{os.getpid()}\n")
    with pytest.raises(OSError, match=r"cgroup\.procs"):
        settle(group)
    assert not (group / "prober").exists()
    with pytest.raises(ConfinementError, match=r"memory\.max"):
        make_group(GroupPlace(group, "", ("memory",)), 1 << 30, 64)
    assert not list(group.glob("prober-box-*"))
    with pytest.raises(ConfinementError, match="cannot make a control group"):
        make_group(GroupPlace(tmp_path / "gone", ""), 1 << 30, 64)


def test_it_is_found_once_and_a_box_says_what_came_of_it() -> None:
    found = find_groups()
    assert find_groups() is found
    assert (found.directory is None) == bool(found.why_not)
    said = " ".join(replace(Confinement("bubblewrap"), groups=found).describe())
    assert ("1024 MiB of memory" in said) == (found.directory is not None)
    without = Confinement("bubblewrap", groups=GroupPlace(None, "there is none"))
    assert without.describe()[-1] == "What memory it uses is bounded by the host alone: there is none."
    assert without.describe()[-1] in without.lacks_for_strangers()
    assert without.describe()[-1] not in without.lacks(), "an interview is of words of ours"


@pytest.mark.parametrize("form", ["bubblewrap", "weak"])
def test_a_box_has_a_group_that_its_qemu_is_in(place: GroupPlace, form: Any) -> None:
    async def run() -> tuple[BoxGroup, str]:
        made = replace(await find_box(form=form), groups=place)
        async with (
            box_of(made, "/bin/sh") as box,
            start_process(Launch("/bin/sh", words=("-c", "sleep 60 & setsid sleep 60"), box=box), 4096) as process,
        ):
            assert box.group is not None
            return box.group, Path(f"/proc/{process.pid}/cgroup").read_text()

    group, seen = aio(run(), debug=False)
    assert f"/{group.directory.name}\n" in seen
    assert not group.directory.exists()


def test_who_is_left_in_a_group_is_ended_with_it(place: GroupPlace) -> None:
    """In the weak form whoever has a session of its own is not in the group that is killed with what was started."""

    async def run() -> list[int]:
        made = replace(await find_box(form="weak"), groups=place)
        async with box_of(made, "/bin/sh") as box:
            assert box.group is not None
            words = ("-c", "setsid sh -c 'echo here; exec sleep 60' & sleep 60")
            async with start_process(Launch("/bin/sh", words=words, box=box), 4096):
                found: list[int] = []
                while len(found) < 3:
                    await asyncio.sleep(0.02)
                    found = [int(word) for word in box.group.door.read_text().split()]
                watched.extend(os.pidfd_open(one) for one in found)
                return found

    watched: list[int] = []
    try:
        pids = aio(run(), debug=False)
        assert len(pids) == 3
        for one in watched:
            assert select.select([one], [], [], 5)[0], "it outlived its group"
    finally:
        for one in watched:
            os.close(one)


def test_who_wants_too_much_memory_is_no_fault_of_the_line() -> None:
    """And whether that is so is what the kernel counts."""
    outcome = outcome_without_memory(Outcome(ProofVerdict.refused, "QEMU crashed with SIGKILL"), 1 << 30)
    assert (outcome.verdict, outcome.cause) == (ProofVerdict.not_provable, Cause.host)
    assert "1024 MiB" in outcome.reason


def test_running_out_of_memory_is_counted_by_the_kernel(tmp_path: Path) -> None:
    group = BoxGroup(tmp_path, 1 << 30)
    assert not group.has_run_out()
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 0\noom_group_kill 0\n")
    assert not group.has_run_out()
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 2\noom_group_kill 1\n")
    assert group.has_run_out()
