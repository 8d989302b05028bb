"""On which line of a TOML file a key stands, which Python's reader does not tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

#: The lines by the paths of what stands there.
Lines: TypeAlias = dict[tuple[str, ...], int]

_TABLE = re.compile(r"\s*\[\[?([^\[\]#]+)\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_QUOTES = ('"""', "'''")


def read_lines(text: str) -> Lines:
    """The line (from 1) of each table and each key; not of what an inline table or an array spreads over several."""
    found: Lines = {}
    table: tuple[str, ...] = ()
    closing = ""
    for number, line in enumerate(text.split("\n"), 1):
        if closing:
            closing = "" if closing in line else closing
            continue
        if header := _TABLE.match(line):
            table = _parts(header[1])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *_parts(key[1])), number)
            closing = next((quote for quote in _QUOTES if line.count(quote) == 1), "")
    return found


def find_line(lines: Lines, path: Sequence[str]) -> int | None:
    """The line where the key of this path is given, else where the nearest table above it is; None without either."""
    for length in range(len(path), 0, -1):
        if (line_number := lines.get(tuple(path[:length]))) is not None:
            return line_number
    return None


def _parts(key: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(key))
