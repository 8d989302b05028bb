"""Reading the domain that a command is given, and writing files that others read meanwhile."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from prober.errors import ServiceError, UnreadableDomainError

#: Who reads what is written runs as another user.
_MODE = 0o644

#: Nothing near this size (bytes) is a domain.  The reader of the XML has a limit of its own; this one keeps an
#: endless file out of memory.
_READ_AT_MOST = 16 << 20


def shown_name(path: str) -> str:
    """How a file is called when something is said of it; ``-`` is stdin."""
    return "<stdin>" if path == "-" else path


def read_xml_file(path: str) -> bytes:
    """The bytes of a file, or of stdin for ``-``.

    :raise UnreadableDomainError: where it cannot be read.
    """
    try:
        if path == "-":
            return sys.stdin.buffer.read(_READ_AT_MOST)
        with Path(path).open("rb") as stream:
            return stream.read(_READ_AT_MOST)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UnreadableDomainError(f"{shown_name(path)}: cannot be read: {reason}") from error


def with_place(error: UnreadableDomainError, path: str) -> UnreadableDomainError:
    """The same error, with the file and the line in its message."""
    file = shown_name(path)
    place = f"{file}:{error.line}" if error.line else file
    return UnreadableDomainError(f"{place}: {error.message}", hint=error.hint, line=error.line)


def replace_file(path: Path, text: bytes, *, reader: str) -> None:
    """Replace a file by one with this text, which everybody may read.  On any failure the file that was there stays.

    ``reader`` is who reads it: he sees the old one or the new one.

    :raise ServiceError: where it cannot be written.
    """
    temporary = None
    try:
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
