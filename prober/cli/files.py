"""Reading the domain that a command is given."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from prober.errors import UnreadableDomainError

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
            return _bounded(sys.stdin.buffer.read(_READ_AT_MOST + 1), "<stdin>")
        with Path(path).open("rb") as stream:
            return _bounded(stream.read(_READ_AT_MOST + 1), path, os.fstat(stream.fileno()).st_size)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UnreadableDomainError(f"{shown_name(path)}: cannot be read: {reason}") from error


def _bounded(xml: bytes, file: str, size: int = 0) -> bytes:
    """The bytes, where they may be those of a domain; ``size`` is how many there are, 0 where nobody knows.

    :raise UnreadableDomainError: where there are more.
    """
    if len(xml) <= _READ_AT_MOST:
        return xml
    # Imported late: it takes lxml, and a domain that is asked of a service does not.
    from prober.xml.document import NOT_A_DOMAIN, XmlLimits

    many = f"{size}" if size > _READ_AT_MOST else f"more than {_READ_AT_MOST}"
    told = f"{file}: it has {many} bytes, more than the {XmlLimits().bytes} that are read"
    raise UnreadableDomainError(told, hint=NOT_A_DOMAIN)


def with_place(error: UnreadableDomainError, path: str) -> UnreadableDomainError:
    """The same error, with the file and the line in its message."""
    file = shown_name(path)
    place = f"{file}:{error.line}" if error.line else file
    return UnreadableDomainError(f"{place}: {error.message}", hint=error.hint, line=error.line)
