"""Whether another process has an image locked, as QEMUs lock what they open (``block/file-posix.c``).

A QEMU that does something with a file has a shared lock of an open file description on byte 100 + N, one that lets
nobody else do it on byte 200 + N; N is 1 for writing, 3 for changing the size (``include/block/block-common.h``).
Asking (``F_OFD_GETLK``, fcntl(2)) takes no lock.
"""

from __future__ import annotations

import fcntl
import struct

#: ``linux/fcntl.h``.
_F_OFD_GETLK = 36
_DOES, _FORBIDS = 100, 200
_WRITE, _RESIZE = 1, 3

#: ``struct flock`` of 64-bit systems: type, whence, padding, start, length, pid, padding.
_FLOCK = struct.Struct("hh4xqqi4x")


def find_lock(fd: int, *, writes: bool, shares: bool) -> str | None:
    """What another process does with an open file that does not go with ours, or None.

    ``writes`` is whether we write, ``shares`` whether others may write meanwhile.

    :raise OSError: where the file system has no such locks.
    """
    if writes and _is_locked(fd, _FORBIDS + _WRITE):
        return "lets nobody else write to it"
    if not shares and (_is_locked(fd, _DOES + _WRITE) or _is_locked(fd, _DOES + _RESIZE)):
        return "writes to it"
    return None


def _is_locked(fd: int, byte: int) -> bool:
    answer = fcntl.fcntl(fd, _F_OFD_GETLK, _FLOCK.pack(fcntl.F_WRLCK, 0, byte, 1, 0))
    return bool(_FLOCK.unpack(answer)[0] != fcntl.F_UNLCK)
