"""The kernel's word that nothing in a directory has changed since it was last listed.

Listing QEMU's forty modules costs 100 µs, too much for a comparison that is made at every use; asking inotify
whether anything happened costs 1 µs and is as strict for all changes made through the directory: the kernel queues
the event before the call that makes the change returns (inotify(7)).  Python's library has no inotify, hence ctypes.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

_IN_NONBLOCK, _IN_CLOEXEC = 0o4000, 0o2000000
#: Everything that may change a name, a size or an mtime (linux/inotify.h): MODIFY, ATTRIB, CLOSE_WRITE, MOVED_FROM,
#: MOVED_TO, CREATE, DELETE, DELETE_SELF, MOVE_SELF; and ONLYDIR.
_MASK = 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800 | 0x01000000
_HEADER = struct.Struct("iIII")
_BUFFER = 65536

_libc = ctypes.CDLL(None, use_errno=True)


class Inotify:
    """Watched directories.  Must be closed.

    :raise OSError: where the kernel gives no (more) inotify instances.
    """

    def __init__(self) -> None:
        self._fd = _checked(_libc.inotify_init1(_IN_NONBLOCK | _IN_CLOEXEC), "inotify_init1")

    def close(self) -> None:
        """Give the watches back.  May be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def add(self, directory: Path) -> int:
        """Watch a directory; the number stands for it in :meth:`changed`.

        :raise OSError: where it cannot be watched.
        """
        return _checked(_libc.inotify_add_watch(self._fd, os.fsencode(directory), _MASK), str(directory))

    def remove(self, watch: int) -> None:
        """Stop watching; a watch that the kernel has dropped by itself is no error."""
        _libc.inotify_rm_watch(self._fd, watch)

    def changed(self) -> set[int]:
        """The watches with events since the last call; -1 among them means that events were lost.  Never blocks."""
        seen: set[int] = set()
        while True:
            try:
                events = os.read(self._fd, _BUFFER)
            except BlockingIOError:
                return seen
            place = 0
            while place < len(events):
                watch, _, _, length = _HEADER.unpack_from(events, place)
                seen.add(watch)
                place += _HEADER.size + length


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result
