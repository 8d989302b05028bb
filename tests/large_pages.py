"""Memory of a worker in large pages, so that it forks quickly.

prober forks to start a QEMU, as what it does between fork and exec cannot be done otherwise.  A fork copies the page
tables, and afterwards each page that is written costs a fault: for the 220 MiB of a process that has collected all
tests that is 50 to 100 ms of processor time in pages of 4 KiB, a third of that in pages of 2 MiB (measured).  The tests
fork thousands of times.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

#: <asm-generic/mman-common.h>, Linux 6.1: make large pages of this range now, whatever the system's setting.
_MADV_COLLAPSE = 25

_LARGE = 2 << 20


def collapse() -> int:
    """Have the kernel put this process's own memory into large pages.

    :return: how many bytes are in such now; 0 where the kernel does not do it, which is no fault.
    """
    library, done = ctypes.CDLL(None), 0
    for start, end in _own_memory():
        first, last = -(-start // _LARGE) * _LARGE, end // _LARGE * _LARGE
        if first < last and not library.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), _MADV_COLLAPSE):
            done += last - first
    return done


def _own_memory() -> list[tuple[int, int]]:
    """Where memory is that is no file's (proc_pid_maps(5)), from and to."""
    found = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, rights, _, _, inode, *name = line.split(maxsplit=5)
        if rights == "rw-p" and inode == "0" and name in ([], ["[heap]"]):
            start, _, end = place.partition("-")
            found.append((int(start, 16), int(end, 16)))
    return found
