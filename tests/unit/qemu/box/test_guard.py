"""The process between us and bubblewrap: it ends as what it guards did, and leaves nothing of that behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from prober.qemu.box.guard import APART, ENDS, become_guard, guarded

#: Says the number of a process that leaves its session, and so its group, and goes on by itself.
LEAVES = "setsid sleep 1000 & echo $!; "


def start(script: str, *, apart: bool = False, stdin: int | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        guarded(["/bin/sh", "-c", script], apart=apart),
        stdin=stdin,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=become_guard,
    )


def is_there(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137), ("", 0)])
def test_it_ends_as_that_did(script: str, code: int) -> None:
    with start(script) as guard:
        assert guard.wait() == code


def test_what_is_left_behind_ends_with_it() -> None:
    with start(LEAVES + "exit 3") as guard:
        assert guard.stdout is not None
        left = int(guard.stdout.readline())
        assert guard.wait() == 3
    wait_until(lambda: not is_there(left))


def test_told_to_end_all_of_it_has_ended() -> None:
    with start(LEAVES + "wait") as guard:
        assert guard.stdout is not None
        left = int(guard.stdout.readline())
        assert is_there(left)
        guard.send_signal(ENDS)
        assert guard.wait() == 137
    wait_until(lambda: not is_there(left))


def test_it_holds_nothing_open() -> None:
    """Whoever reads what QEMU says sees the end of it, and its input is nobody else's."""
    with start("sleep 1000", stdin=subprocess.DEVNULL) as guard:
        wait_until(lambda: not os.listdir(f"/proc/{guard.pid}/fd"))
        guard.send_signal(ENDS)


@pytest.mark.parametrize(("apart", "descriptor"), [(False, 0), (True, APART)])
def test_its_input_is_theirs(apart: bool, descriptor: int) -> None:
    with start(f"cat <&{descriptor}; ls /proc/self/fd", apart=apart, stdin=subprocess.PIPE) as guard:
        said, _ = guard.communicate("word\n")
    opened = ["0", "1", "2", "3"] if not apart else ["0", "1", "2", "3", str(APART)]
    assert said.split() == ["word", *opened]


def test_whoever_kills_us_leaves_nothing() -> None:
    program = (
        "import sys\n"
        "from tests.unit.qemu.box.test_guard import LEAVES, start\n"
        "guard = start(LEAVES + 'echo $$; wait')\n"
        "print(guard.pid, guard.stdout.readline(), guard.stdout.readline(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        born = [int(word) for _ in range(3) for word in child.stdout.readline().split()]
        assert len(born) == 3
        assert all(map(is_there, born))
        child.kill()
    wait_until(lambda: not any(map(is_there, born)))
