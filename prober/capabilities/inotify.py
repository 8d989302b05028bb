"""The kernel's word that nothing in a directory has changed since it was last looked at.

Looking at the few hundred files that a QEMU has mapped costs 300 µs, too much for a comparison that is made at every
use; asking inotify whether anything happened costs 1 µs and is as strict for all changes made through the directory:
the kernel queues the event before the call that makes the change returns (inotify(7)).  Python's library has no
inotify, hence ctypes; docs/decisions/own-inotify.md says why it is not one of the packages for it.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_IN_NONBLOCK, _IN_CLOEXEC = 0o4000, 0o2000000

#: What is done to names (linux/inotify.h): ATTRIB, MOVED_FROM, MOVED_TO, CREATE, DELETE, DELETE_SELF, MOVE_SELF; and
#: ONLYDIR.
NAMES = 0x4 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800 | 0x01000000
#: Besides, what is done to contents: MODIFY, CLOSE_WRITE.  Not for ``/dev``: each write to ``/dev/null`` would tell.
CONTENTS = NAMES | 0x2 | 0x8

#: A directory that is watched already, perhaps by another path, is watched for this too (MASK_ADD).
_BESIDES = 0x20000000

_HEADER = struct.Struct("iIII")
_BUFFER = 65536

_libc = ctypes.CDLL(None, use_errno=True)


class Event(NamedTuple):
    """Something happened: in which watch, -1 where events were lost; to which name, empty for the directory itself."""

    watch: int
    name: bytes


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

    def fileno(self) -> int:
        """What becomes readable when there are events."""
        return self._fd

    def add(self, directory: Path, mask: int = CONTENTS) -> int:
        """Watch a directory for :data:`NAMES` or :data:`CONTENTS`; the number stands for it in events.

        One directory has one number, by whatever path it is named.

        :raise OSError: where it cannot be watched.
        """
        return _checked(_libc.inotify_add_watch(self._fd, os.fsencode(directory), mask | _BESIDES), str(directory))

    def remove(self, watch: int) -> None:
        """Stop watching; a watch that the kernel has dropped by itself is no error."""
        _libc.inotify_rm_watch(self._fd, watch)

    def events(self) -> Iterator[Event]:
        """What happened since the last call.  Never blocks."""
        while True:
            try:
                data = os.read(self._fd, _BUFFER)
            except BlockingIOError:
                return
            place = 0
            while place < len(data):
                watch, _, _, length = _HEADER.unpack_from(data, place)
                place += _HEADER.size
                yield Event(watch, data[place : place + length].rstrip(b"\0"))
                place += length


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result
