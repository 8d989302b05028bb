"""Killed while boxes are made: whatever moment it is, nothing of them goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from prober.qemu.box.guard import become_guard, guarded
from tests.integration.processes import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("bubblewrap")]

#: Makes one box after the other, each of which would stay for a day.
BOXES = """
import asyncio, sys
from prober.qemu.box.find import find_box
from prober.qemu.box.opened import box_of
from prober.qemu.launch import Launch
from prober.qemu.process import start_process

async def make() -> None:
    made = await find_box(form="bubblewrap")
    async with box_of(made, "/usr/bin/sleep", stand_ins=False) as box:
        print(flush=True)
        while True:
            async with start_process(Launch("/usr/bin/sleep", words=(sys.argv[1],), box=box), 4096):
                await asyncio.sleep(0.03)

asyncio.run(make())
"""

#: Both around the making of a box, which takes some 10 ms, and in its life (seconds).
MOMENTS = [0.002, 0.004, 0.006, 0.008, 0.011, 0.015, 0.02, 0.033, 0.036, 0.04]


def that_name(word: str) -> set[str]:
    """Processes of any parent with this word on their command line."""
    found = set()
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                words = (place / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if word.encode() in words:
                found.add(place.name)
    return found


def test_whenever_we_are_killed_no_box_is_left() -> None:
    word = f"8{os.getpid():07}"
    for moment in MOMENTS:
        with subprocess.Popen([sys.executable, "-c", BOXES, word], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"\n"
            time.sleep(moment)
            child.kill()
    deadline = time.monotonic() + 20
    while left := that_name(word):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def _is_gone(word: str) -> bool:
    return not that_name(word)


def test_a_guard_that_is_told_to_end_again_and_again_leaves_nothing() -> None:
    """As we tell it, and the kernel once more where we are killed meanwhile."""
    for number in range(20):
        word = f"7{os.getpid():07}{number:02}"
        command = guarded(["/bin/sh", "-c", f"/usr/bin/sleep {word} & wait"], apart=False)
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=become_guard) as guard:
            wait_until(partial(that_name, word))
            with suppress(ProcessLookupError):
                for _ in range(20):
                    os.kill(guard.pid, signal.SIGTERM)
        wait_until(partial(_is_gone, word))
