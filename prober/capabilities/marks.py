"""Looking at files and directories of the host, a system call or two each.  All of it blocks, for microseconds."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TypeAlias

from prober.capabilities.fingerprint import FileMark
from prober.errors import UnknownBinaryError

#: Of a directory: device, inode, mtime and ctime (nanoseconds).
Stat: TypeAlias = tuple[int, int, int, int]


def mark_and_mode(path: str) -> tuple[FileMark, int]:
    """The file behind a path, with its real path: one file, even where links change meanwhile.

    :raise UnknownBinaryError: where there is no file of this name, or it cannot be looked at.
    """
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            found = os.fstat(fd)
            real = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - a third of the time of Path.readlink
        finally:
            os.close(fd)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UnknownBinaryError(f"{path}: {reason}") from error
    return _mark(real, found), found.st_mode


def mark_of(path: str) -> FileMark:
    """A file as it is now; one of -1 where there is none."""
    try:
        return _mark(path, os.stat(path))  # noqa: PTH116 - half the time of Path.stat
    except (OSError, ValueError):
        return FileMark(path)


def marks_in(directory: str) -> tuple[FileMark, ...]:
    """All that is in a directory, by path; nothing where there is none."""
    marks = []
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            with suppress(OSError):  # Removed meanwhile, which is an event or another mtime.
                marks.append(_mark(entry.path, entry.stat()))
    return tuple(sorted(marks))


def stat_of(path: str) -> Stat | None:
    """A directory as it is now; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of Path.stat
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def read_small(path: str, size: int = 256) -> bytes | None:
    """The beginning of a file (``size`` bytes); None where it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, size)
    except OSError:
        return None
    finally:
        os.close(fd)


def links_of(path: str) -> list[str]:
    """How a path leads to its file: itself, and each symbolic link that its last part stands for on the way."""
    steps = [path]
    with suppress(OSError, ValueError):
        while len(steps) < 40:  # As many as the kernel follows (path_resolution(7)).
            path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))  # noqa: PTH115,PTH118,PTH120
            steps.append(path)
    return steps


def _mark(path: str, found: os.stat_result) -> FileMark:
    return FileMark(path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
