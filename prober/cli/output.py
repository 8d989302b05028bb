"""Writing to the terminal: the only place of the command that does.

Answers go to stdout, everything else to stderr.  Each answer is written whole, so that a reader that goes away
(``prober show types | head``) ends the command quietly and in one place.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self


class _Hushed:
    """What is not to be printed: the answer, and what is said beside it."""

    answer = False
    words = False


def hush(*, answer: bool = False, words: bool = False) -> None:
    """Print no answer from here on, or no word beside it (-q); what is wrong is told all the same."""
    _Hushed.answer, _Hushed.words = answer, words


def write(text: str) -> None:
    """Write text and a line's end to stdout; what its encoding has no word for as an escape.

    :raise SystemExit: quietly, where the reader has gone, as :mod:`prober.cli.streams` has it.
    :raise OutputError: where it cannot be written for another reason, as the disk is full.
    """
    if _Hushed.answer:
        return
    try:
        sys.stdout.write(text + "\n")
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stdout.flush()


#: What speaks to a terminal and is no text: controls but tab and line end, and what turns the direction of reading.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""The text with what would speak to a terminal as escapes: it may come from a file that anybody made up.

    >>> visible("\x1b[2J is read")
    '\\x1b[2J is read'
    """
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def write_json(value: Any) -> None:
    """Write a JSON document of two-space indentation to stdout."""
    write(json.dumps(value, indent=2, ensure_ascii=False))


def one_line_json(value: Any) -> str:
    """A value in one line of JSON."""
    return json.dumps(value, ensure_ascii=False)


def dotted(version: dict[str, Any] | None) -> str:
    """A QEMU's version as it stands in an answer, as text: ``7.2.22``; ``?`` for None."""
    return "?" if version is None else ".".join(str(version[part]) for part in ("major", "minor", "micro"))


def write_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table to stdout: on a terminal no wider than that, with a line under its headers."""
    from prober.cli.tables import lay_out_table

    is_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if is_terminal else None
    cells = [[str(cell) for cell in row] for row in rows]
    lines = list(lay_out_table(headers, cells, width, is_ruled=is_terminal))
    if has_colour() and lines:
        lines[0] = f"\x1b[1m{lines[0]}\x1b[0m"
    write("\n".join(lines))


def has_colour() -> bool:
    """Whether colours are wanted: on a terminal that has some, unless NO_COLOR is set (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def note(text: str) -> None:
    """Write a line to stderr, beside the answer; nothing where even that has gone.

    What was answered before it stands before it also where both go to one file.

    :raise OutputError: where that cannot be written.
    """
    if not _Hushed.words:
        sys.stdout.flush()
        _say(text)


def tell(text: str) -> None:
    """Write a line to stderr that says why there is no answer: a refusal."""
    if not _Hushed.answer:
        _say(text)


def _say(text: str) -> None:
    sys.stderr.write(visible(text) + "\n")
    sys.stderr.flush()


def complain(message: str, hint: str = "") -> None:
    """Say on stderr what is wrong, and what would help."""
    _say(f"prober: {message}")
    if hint:
        _say(f"hint: {hint}")


class ProgressLine:
    """One line on stderr that says how far long work has come, gone when the work is done.

    Nothing is written where stderr is no terminal.
    """

    def __init__(self) -> None:
        self._shown = False
        self._terminal = sys.stderr.isatty() and not _Hushed.words

    def __enter__(self) -> Self:
        return self

    def show(self, text: str) -> None:
        """Replace the line."""
        if self._terminal:
            columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            sys.stderr.write(f"\r\x1b[K{text[: columns - 1]}")
            sys.stderr.flush()
            self._shown = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
