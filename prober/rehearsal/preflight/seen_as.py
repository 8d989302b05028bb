"""Looking as the user that will run QEMU: in a process of its own, which has that user's rights and may change nothing.

What is read there was written by others, image headers first, so the process has little time, writes no file, and under
Landlock opens none for writing but devices.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import select
import signal
import time
from collections.abc import Callable

from prober.errors import UsageError
from prober.qemu.box.landlock import DEVICE, READ, Ruleset, find_abi, restrict_self
from prober.rehearsal.preflight.view import HostUser

#: The longest answer (bytes), and the most time (seconds) and processor time that a look may take.
_MOST_BYTES = 16 << 20
_WALL_S, _CPU_S = 60.0, 30
_PR_SET_NO_NEW_PRIVS, _PR_SET_PDEATHSIG = 38, 1

_prctl = ctypes.CDLL(None, use_errno=True).prctl


def find_user(name: str | None) -> HostUser:
    """A user of this host by name or number; ourselves where none is named.

    :raise UsageError: where there is no such user.
    """
    try:
        if name is None:
            return _ourselves()
        entry = pwd.getpwuid(int(name)) if name.isascii() and name.isdecimal() else pwd.getpwnam(name)
    except (KeyError, ValueError, OverflowError) as error:
        raise UsageError(f"there is no user {name!r} on this host", hint="getent passwd lists them") from error
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return HostUser(entry.pw_name, entry.pw_uid, entry.pw_gid, groups)


def _ourselves() -> HostUser:
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return HostUser(name, uid, os.getegid(), tuple(os.getgroups()))


def can_become(user: HostUser) -> bool:
    """Whether a process of ours can have that user's rights."""
    return user.uid == os.geteuid() or os.geteuid() == 0


def look_as(user: HostUser, look: Callable[[], bytes]) -> bytes | None:
    """What ``look`` gives, called in a process of its own, as this user where we can become it and else as ourselves.

    The process is gone when this returns, and what it started is ended.  None where it gave nothing: it failed, or took
    too much time or room.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setsid()  # A group of its own, which is ended with all that it started.
            os.close(reader)
            _confine(user)
            left = memoryview(look())
            while left:
                left = left[os.write(writer, left) :]
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    content: bytes | None = None
    try:
        content = _read_all(reader, time.monotonic() + _WALL_S)
    finally:
        os.close(reader)
        if content is None:
            _end(child)
        _, status = os.waitpid(child, 0)
    return content if status == 0 else None


def _end(child: int) -> None:
    """End the process, with its group where it has one already."""
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(child, signal.SIGKILL)


def _read_all(reader: int, deadline: float) -> bytes | None:
    """All that comes until the end; None where that is too late, or too much."""
    parts: list[bytes] = []
    size = 0
    while (left := deadline - time.monotonic()) > 0 and size <= _MOST_BYTES:
        if not select.select([reader], [], [], left)[0]:
            break
        part = os.read(reader, 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
    return None


def _confine(user: HostUser) -> None:
    """Become the user, for good, with little to use up and nothing to change."""
    if os.geteuid() == 0 and user.uid != 0:
        os.setgroups(user.groups)
        os.setgid(user.gid)
        os.setuid(user.uid)
    for what, most in (
        (resource.RLIMIT_CPU, _CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if abi := find_abi():
        ruleset = Ruleset(abi, (("/", READ), ("/dev", DEVICE)), network=False)
        restrict_self(ruleset.fd)
        ruleset.close()
