"""Every test of an interview has to leave nothing behind: no process, no zombie, no descriptor."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from prober.errors import ConfinementError
from tests.proc import children_of


def children() -> set[int]:
    """Our children, zombies too."""
    return set(children_of(os.getpid()))


def started_from(directory: Path) -> set[int]:
    """Processes of any parent that run something from this directory."""
    found: set[int] = set()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(directory) in command:
                found.add(int(process.name))
    return found


def descriptors() -> set[str]:
    """Our open descriptors, by what they are."""
    found = set()
    for entry in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{entry} {os.readlink(f'/proc/self/fd/{entry}')}")
        except OSError:  # the one that listed them
            continue
    return found


@pytest.fixture(autouse=True, scope="session")
def _uvloop_is_set_up() -> None:
    """The first uvloop makes a pipe for signals that it keeps for the life of the process."""
    uvloop.new_event_loop().close()


@pytest.fixture(autouse=True)
def leaves_nothing(tmp_path: Path) -> Iterator[None]:
    """Fails a test after which a process or a descriptor is left."""
    before, had = children(), descriptors()
    yield
    assert children() == before
    assert descriptors() == had
    deadline = time.monotonic() + 2
    while started_from(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.01)  # a killed child of a killed parent is init's to reap
    assert not started_from(tmp_path)


@pytest.fixture(name="unconfined")
def _unconfined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which processes are started is counted here, and fakes write down what they were: no box has any part in it.

    Where the tests are root's, a box does not start fakes in root's own directories; an ordinary user's does, and they
    may not write there.  tests/integration/test_interview_confinement.py is about boxes.
    """

    async def find_none(**_asked: object) -> None:
        raise ConfinementError("this test is about no box")

    monkeypatch.setattr(sys.modules["prober.qemu.interview"], "find_box", find_none)
