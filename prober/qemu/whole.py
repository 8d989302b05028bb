"""Writing a file whole or not at all, while others read it."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


def write_whole(
    path: Path, data: bytes, mode: int, *, owner: tuple[int, int] | None = None, kept: bool = False
) -> None:
    """Put a file with these bytes and this mode into a place.  Who reads meanwhile sees the old one or the new one.

    On any failure what was there stays, and no other file does.  What :func:`is_written_to` is so.  Blocks.

    :param owner: user and group, where it shall not be ours.
    :param kept: it is on the disk when this returns, and so survives a loss of power.
    :raise OSError: where it cannot be written.
    """
    if is_written_to(path):
        path.write_bytes(data)
        return
    # Hidden, and with another ending, or it would be read while it is being written.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)  # mkstemp keeps it to its owner
            if owner is not None:
                os.fchown(file.fileno(), *owner)
            if kept:
                file.flush()
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def is_written_to(path: Path) -> bool:
    """Whether a name is that of something which is written to, and never replaced by a file: a pipe, a device, and what
    the kernel shows below ``/dev`` and ``/proc``, where ``/dev/stdout`` may stand for a plain file.  Blocks.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return True
        place = os.path.realpath(path.parent)
    except OSError:
        return False
    return place.startswith(("/dev/", "/proc/")) or place == "/dev"
