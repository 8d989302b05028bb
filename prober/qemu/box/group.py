"""A control group for each box: what memory and how many processes all of it together may have.

Of version 2 alone, and only where the group that we are in is ours to divide: the root of all, or one that systemd has
handed over (``Delegate=``) or that nobody manages, with nobody but us in it.  Groups that have processes themselves
cannot hand controllers on, so we go into a group below it first, for as long as we live.  Whether it works is tried, by
going into a group such as a box has, and out again.

Facts: Linux, ``Documentation/admin-guide/cgroup-v2.rst``; systemd, ``docs/CGROUP_DELEGATION.md``.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from prober.errors import ConfinementError

_LOG = logging.getLogger(__name__)

#: Where we go ourselves, and how groups of boxes begin.
_OURS, _PREFIX = "prober", "prober-box-"

#: What says that systemd has handed a group over: the first for whoever is not root (systemd 251).
_MARKS = ("user.delegate", "trusted.delegate")
_OF_SYSTEMD = (".service", ".scope", ".slice", ".socket", ".mount", ".swap")

#: How long (seconds) those who were killed may take to be gone, and how often that is looked at.
_GONE_S, _LOOK_S = 2.0, 0.002

_lock = threading.Lock()
_found: list[GroupPlace] = []


@dataclass(frozen=True)
class GroupPlace:
    """Where groups are made, and by what they are bounded (``controllers``: ``memory``, ``pids``).

    ``why_not`` tells in a few words why there is no such ``directory``.
    """

    directory: Path | None = None
    why_not: str = "it was not looked for"
    controllers: tuple[str, ...] = ()


@dataclass(frozen=True)
class BoxGroup:
    """The group of one box.  Made by :func:`make_group`, and taken away by :func:`remove_group`."""

    directory: Path
    memory_bytes: int

    @property
    def door(self) -> Path:
        """The file that a process writes ``0`` to so as to go in."""
        return self.directory / "cgroup.procs"

    def has_run_out(self) -> bool:
        """Whether somebody in it was ended for want of memory.  Blocks for a moment."""
        with suppress(OSError):
            counts = dict(line.split() for line in (self.directory / "memory.events").read_text().splitlines())
            return int(counts.get("oom_kill", "0")) > 0
        return False


class NoGroupError(Exception):
    """There is none, and why."""


def find_groups() -> GroupPlace:
    """Where the groups of boxes are made, or why there are none.  Found once in the life of a process.  Blocks."""
    with _lock:
        if not _found:
            try:
                _found.append(settle(own_group()))
            except NoGroupError as error:
                _found.append(GroupPlace(None, str(error)))
            except OSError as error:
                _found.append(GroupPlace(None, f"{error.strerror}: {error.filename}"))
        return _found[0]


def make_group(place: GroupPlace, memory_bytes: int, tasks: int) -> BoxGroup:
    """A group in this place, which holds so many bytes of memory, none of it swapped out, and so many threads.

    Blocks for a moment.

    :raise ConfinementError: where the kernel makes none.
    """
    try:
        group = BoxGroup(Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place.directory)), memory_bytes)
    except OSError as error:
        raise ConfinementError(f"cannot make a control group in {place.directory}: {error.strerror}") from error
    try:
        _bound(group, tasks, place.controllers)
    except OSError as error:
        remove_group(group)
        raise ConfinementError(f"cannot bound a control group: {error.strerror}: {error.filename}") from error
    return group


def remove_group(group: BoxGroup) -> None:
    """End all that is in it, and take it away.  Blocks until that is done, two seconds at most; then it is logged."""
    deadline = time.monotonic() + _GONE_S
    while True:
        _kill(group)
        try:
            group.directory.rmdir()
        except OSError as error:
            if error.errno == errno.ENOENT:
                return
            if time.monotonic() > deadline:
                _LOG.warning("the control group %s cannot be taken away: %s", group.directory, error.strerror)
                return
            time.sleep(_LOOK_S)
        else:
            return


def _bound(group: BoxGroup, tasks: int, controllers: Sequence[str]) -> None:
    if "pids" in controllers:
        _write(group.directory / "pids.max", str(tasks))
    if "memory" in controllers:
        _write(group.directory / "memory.max", str(group.memory_bytes))
        # Not there in a kernel without swap, or without groups that are ended as a whole (before 4.19).
        for name, value in (("memory.swap.max", "0"), ("memory.oom.group", "1")):
            with suppress(FileNotFoundError):
                _write(group.directory / name, value)


def _kill(group: BoxGroup) -> None:
    try:
        _write(group.directory / "cgroup.kill", "1")
    except OSError:  # Linux before 5.14
        with suppress(OSError):
            for word in group.door.read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(word), signal.SIGKILL)


def own_group() -> Path:
    """The directory of the group that we are in.

    :raise NoGroupError: where it is not to be seen.
    """
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    own = next((line[3:] for line in lines if line.startswith("0::")), None)
    if own is None:
        raise NoGroupError("this host has no control groups of version 2")
    candidates = places_of(own, Path("/proc/self/mountinfo").read_text())
    if not candidates:
        raise NoGroupError("the control groups of this host are not to be seen")
    return next((one for one in candidates if os.access(one, os.W_OK)), candidates[0])


def places_of(own: str, mountinfo: str) -> list[Path]:
    """Where a group may be seen: in each mount of the hierarchy that shows it (proc(5), ``/proc/pid/mountinfo``)."""
    found = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        if not after.startswith("cgroup2 "):
            continue
        top, place = before.split()[3:5]
        if own == top or own.startswith(top.rstrip("/") + "/"):
            below = own[len(top.rstrip("/")) :].strip("/")
            directory = Path(place.encode().decode("unicode_escape"), below)
            if directory.is_dir() and not below.startswith(".."):
                found.append(directory)
    return found


def settle(directory: Path) -> GroupPlace:
    """Make this group, which we are in, ready to have groups of boxes below it.

    :raise NoGroupError: where it is not ours.
    :raise OSError: where the kernel refuses what was to be had.
    """
    controllers = (directory / "cgroup.controllers").read_text().split()
    if "memory" not in controllers:
        raise NoGroupError(f"{directory} has no memory controller")
    if not os.access(directory, os.W_OK):
        raise NoGroupError(f"we may not write to {directory}")
    place = GroupPlace(directory, "", tuple(name for name in ("memory", "pids") if name in controllers))
    if not (directory / "cgroup.type").exists():  # the root of all, which alone may have processes and groups
        _hand_on(place, directory)
        return place
    if directory.name.endswith(_OF_SYSTEMD) and not _is_handed_over(directory):
        raise NoGroupError(f"{directory} is systemd's own (Delegate=)")
    if (directory / "cgroup.procs").read_text().split() != [str(os.getpid())]:
        raise NoGroupError(f"other processes are in {directory}")
    ours = directory / _OURS
    ours.mkdir(exist_ok=True)
    try:
        _write(ours / "cgroup.procs", "0")
        _hand_on(place, ours)
    except OSError:
        with suppress(OSError):
            _write(directory / "cgroup.procs", "0")
        with suppress(OSError):
            ours.rmdir()
        raise
    return place


def _is_handed_over(directory: Path) -> bool:
    for mark in _MARKS:
        with suppress(OSError):
            return os.getxattr(directory, mark) == b"1"
    return False


def _hand_on(place: GroupPlace, ours: Path) -> None:
    """Have groups in this place bounded, and try one: we go in, and out again."""
    assert place.directory is not None
    _write(place.directory / "cgroup.subtree_control", " ".join(f"+{name}" for name in place.controllers))
    group = BoxGroup(Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place.directory)), 1 << 40)
    try:
        _bound(group, 1 << 15, place.controllers)
        try:
            _write(group.door, "0")
        finally:
            _write(ours / "cgroup.procs", "0")
    finally:
        with suppress(OSError):
            group.directory.rmdir()


def _write(path: Path, text: str) -> None:
    """In one call, as files of the kernel want it; never makes a file.

    :raise OSError: where the kernel does not take it.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(fd)
