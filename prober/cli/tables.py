"""Tables in text: as wide as they are for a file or a pipe, and no wider than the terminal on one.

Words are never broken: an id or an option's name is to be found, and copied, as it is.  Where a table cannot be as
narrow as the terminal, each of its rows stands in lines of its own.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

_GAP = "  "

Row = Sequence[str]


def lay_out(headers: Row, rows: Sequence[Row], width: int | None = None, *, is_ruled: bool = False) -> Iterator[str]:
    """The table in lines; ``width`` is how many columns there are, None where there is no end to them.

    ``is_ruled`` draws a line under the headers.
    """
    table = [headers, *rows]
    columns = list(zip(*table, strict=True))
    widths = [max(len(line) for cell in column for line in _lines(cell)) for column in columns]
    if width is not None and _total(widths) > width:
        least = [
            max(len(word) for cell in column for word in (cell.split() or [""])) for column in zip(*table, strict=True)
        ]
        if _total(least) > width:
            yield from _stacked(headers, rows, width)
            return
        _shrink(widths, least, width)
    for number, row in enumerate(table):
        yield from _row(row, widths)
        if number == 0 and is_ruled:
            yield "─" * _total(widths)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _shrink(widths: list[int], least: Sequence[int], width: int) -> None:
    """Take from the widest column that has words to wrap, until all fit."""
    while _total(widths) > width:
        widest = max((one for one in range(len(widths)) if widths[one] > least[one]), key=lambda one: widths[one])
        widths[widest] -= 1


def _row(row: Row, widths: Sequence[int]) -> Iterator[str]:
    cells = [_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, cells))):
        shown = [cell[number] if number < len(cell) else "" for cell in cells]
        yield _GAP.join(text.ljust(width) for text, width in zip(shown, widths, strict=True)).rstrip()


def _stacked(headers: Row, rows: Sequence[Row], width: int) -> Iterator[str]:
    """Each row as its first cell, and each other one that is not empty in a line with its header."""
    first = max(map(len, headers)) + len(_GAP)
    for row in rows:
        yield from _wrapped(row[0], width)
        for header, cell in zip(headers[1:], row[1:], strict=True):
            for number, line in enumerate(_wrapped(cell, max(width - first - len(_GAP), 1)) if cell else ()):
                yield f"{_GAP}{(header if number == 0 else '').ljust(first)}{line}"


def _lines(cell: str) -> list[str]:
    return cell.splitlines() or [""]


def _wrapped(cell: str, width: int) -> list[str]:
    """The lines of a cell, each of whole words."""
    wrapped: list[str] = []
    for line in _lines(cell):
        if len(line) <= width:
            wrapped.append(line)
        else:
            wrapped += textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]
    return wrapped
