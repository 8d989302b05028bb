"""Text that can be logged: whatever a client, an XML or a QEMU said, it stays in its line and in its field."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from prober.service.logs.requests import REQUEST_ID

#: The most characters of a sentence, and of a field.
MOST, MOST_OF_FIELD = 2000, 500
#: The most lines of a traceback, the last ones.
_MOST_LINES = 100

#: A value that needs no quotes.
_PLAIN = re.compile(r'[^\s"=\\]+')


def harmless(text: str, most: int = MOST) -> str:
    """The text with whatever cannot be printed written as an escape, and no longer than that.

    So no newline begins another line, no ESC speaks to a terminal, and nothing turns the direction of reading.
    """
    if len(text) > most:
        text = f"{text[:most]}…"
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def log_fields(record: logging.LogRecord) -> dict[str, str]:
    """The fields that a line has, harmless, with the id of the request that it is about."""
    given: Mapping[str, Any] = getattr(record, "fields", {})
    found = {name: harmless(str(value), MOST_OF_FIELD) for name, value in given.items() if value not in (None, "")}
    if ident := REQUEST_ID.get():
        found.setdefault("request", harmless(ident, MOST_OF_FIELD))
    return found


def sentence_of(record: logging.LogRecord) -> str:
    """The line itself, harmless."""
    return harmless(record.getMessage())


def traceback_of(record: logging.LogRecord) -> list[str]:
    """The lines of the traceback, where there is one; each of them harmless."""
    if not record.exc_info:
        return []
    lines = logging.Formatter().formatException(record.exc_info).split("\n")
    left_out = len(lines) - _MOST_LINES
    kept = lines if left_out <= 0 else [f"({left_out} lines)", *lines[-_MOST_LINES:]]
    return [harmless(line, MOST_OF_FIELD) for line in kept]


def as_logfmt(fields: Mapping[str, str]) -> str:
    """The fields as ``name=value name="another value"``."""
    return " ".join(f"{name}={_quoted(value)}" for name, value in fields.items())


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
