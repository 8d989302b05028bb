"""Writing files that others read meanwhile."""

from __future__ import annotations

from pathlib import Path

from prober.errors import ServiceError
from prober.qemu.whole import write_whole

#: Who reads what is written runs as another user.
_MODE = 0o644


def replace_file(path: Path, text: bytes, *, reader: str) -> None:
    """Replace a file by one with this text, which everybody may read.  On any failure the file that was there stays.

    ``reader`` is who reads it: he sees the old one or the new one.  What is no plain file (a pipe, a device) is written
    to and not replaced.

    :raise ServiceError: where it cannot be written.
    """
    try:
        write_whole(path, text, _MODE)
    except OSError as error:
        hint = "" if path.parent.is_dir() else f"make the directory {path.parent}, where {reader} looks"
        raise ServiceError(f"cannot write {path}: {error.strerror}", hint=hint) from error
