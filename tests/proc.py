"""What the kernel tells of a process (proc(5))."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def children_of(parent: int) -> list[int]:
    """The children of a process, zombies among them; none of one that has ended."""
    tasks = Path(f"/proc/{parent}/task")
    found = []
    with suppress(OSError):
        for task in os.listdir(tasks):
            with suppress(OSError):  # a thread that has ended meanwhile: its children are another's
                found += [int(pid) for pid in (tasks / task / "children").read_text().split()]
    return found


def descendants_of(parent: int) -> list[int]:
    """The children of a process, and theirs, zombies among them."""
    return [pid for child in children_of(parent) for pid in (child, *descendants_of(child))]


def is_alive(pid: int) -> bool:
    """Whether there is such a process, a zombie included."""
    return Path(f"/proc/{pid}").exists()


def state_of(pid: int) -> str:
    """A letter: R, S, D, T, Z …; empty where there is no such process."""
    fields = _stat(pid)
    return fields[0] if fields else ""


def runs(pid: int) -> bool:
    """Whether there is such a process, and it is more than a zombie, which waits for who is slow to look."""
    return state_of(pid) not in ("", "Z", "X")


def name_of(pid: int) -> str:
    """What it calls itself; empty where there is no such process."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def processor_seconds(pid: int) -> float:
    """The processor time that it has had."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def seconds_without_processor(pid: int) -> float:
    """How long a process was ready to run and had no processor; 0 where the kernel does not count it."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def proportional_size(pid: int) -> float:
    """MiB that it has in memory; a page that others share counts in proportion.

    :raise OSError: where there is no such process.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("Pss:"))) / 1024


def _stat(pid: int) -> list[str]:
    """The fields behind the name, which may have anything in it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []
