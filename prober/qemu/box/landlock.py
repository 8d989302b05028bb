"""Landlock, by its system calls: what a process may still do with files, TCP, signals and abstract sockets.

From ``linux/landlock.h`` and Documentation/userspace-api/landlock.rst; ABI 6 came with Linux 6.12.  The numbers of the
three calls are the same on every processor.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1

#: The least that will do where QEMU has our own user: signals and abstract sockets are held back from ABI 6 on.
LEAST_ABI = 6

#: How many of the rights to files an ABI knows: REFER came with 2, TRUNCATE with 3, IOCTL_DEV with 5.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_ALL_FILE_RIGHTS = 16
_NET_ABI = 4

# LANDLOCK_ACCESS_FS_*
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_ALL_FILES = (1 << 16) - 1
_NET = 0b11  # bind, connect
_SCOPES = 0b11  # abstract unix sockets, signals

#: What may be done below a directory; the last three alone to a file.
READ = _EXECUTE | _READ_FILE | _READ_DIR
#: No sockets, pipes, devices (MAKE_CHAR, MAKE_BLOCK) but what is made by name in there, and nothing is executed.
WRITE = _ALL_FILES & ~(_EXECUTE | _IOCTL_DEV | 1 << 6 | 1 << 11)
DEVICE = _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV
_OF_A_FILE = _EXECUTE | _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV

_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long


def find_abi() -> int:
    """The version of the kernel's interface, 0 where it has none.  ``/sys/kernel/security`` need not be mounted."""
    return max(0, int(_syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))))


class Ruleset:
    """Rules that a process between fork and exec takes on.  Made before the fork; a descriptor, to be closed."""

    def __init__(self, abi: int, places: Iterable[tuple[str, int]], *, network: bool) -> None:
        """``places`` are paths with what may be done there; those that are not there are left out.  ``network`` is
        whether TCP may be used.  What the kernel's ``abi`` does not know is not held back.

        :raise OSError: where the kernel refuses it.
        """
        self._known = (1 << _FILE_RIGHTS.get(abi, _ALL_FILE_RIGHTS)) - 1
        attributes = struct.pack("=Q", self._known)
        if abi >= _NET_ABI:
            attributes += struct.pack("=Q", 0 if network else _NET)
        if abi >= LEAST_ABI:
            attributes += struct.pack("=Q", _SCOPES)
        self.fd = _checked("landlock_create_ruleset", _CREATE_RULESET, attributes, len(attributes), 0)
        try:
            for path, access in places:
                self._add(path, access)
        except BaseException:
            self.close()
            raise

    def _add(self, path: str, access: int) -> None:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except (FileNotFoundError, PermissionError):
            return
        try:
            allowed = access if stat.S_ISDIR(os.fstat(place).st_mode) else access & _OF_A_FILE
            rule = struct.pack("=Qi", allowed & self._known, place)
            _checked("landlock_add_rule", _ADD_RULE, self.fd, _PATH_BENEATH, rule, 0)
        finally:
            os.close(place)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fd)


def restrict_self(fd: int) -> int:
    """Take the rules on, for this thread and what it starts; needs no_new_privs.  Not 0: it failed."""
    return int(_syscall(_RESTRICT_SELF, fd, 0))


def _checked(what: str, number: int, *words: int | bytes) -> int:
    given = [ctypes.c_size_t(word) if isinstance(word, int) else word for word in words]
    result = int(_syscall(number, *given))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result
