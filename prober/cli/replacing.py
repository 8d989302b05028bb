"""Writing files that others read meanwhile."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from prober.errors import ServiceError
from prober.qemu.files import is_written_to

#: Who reads what is written runs as another user.
_MODE = 0o644


def replace_file(path: Path, text: bytes, *, reader: str) -> None:
    """Replace a file by one with this text, which everybody may read.  On any failure the file that was there stays.

    ``reader`` is who reads it: he sees the old one or the new one.  What is no plain file (a pipe, a device) is written
    to and not replaced.

    :raise ServiceError: where it cannot be written.
    """
    temporary = None
    try:
        if is_written_to(path):
            path.write_bytes(text)
            return
        # Hidden, and with another ending, or it would be read while it is being written.
        fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with os.fdopen(fd, "wb") as file:
            file.write(text)
            os.fchmod(file.fileno(), _MODE)
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        hint = "" if path.parent.is_dir() else f"make the directory {path.parent}, where {reader} looks"
        raise ServiceError(f"cannot write {path}: {error.strerror}", hint=hint) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()
