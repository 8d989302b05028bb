"""Reading the command lines that are typed, or that stdin, a file or a running QEMU has."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from prober.cli import output
from prober.commandline.written import WrittenLine, is_called_qemu, read_written
from prober.errors import UsageError

#: Nothing near this size (bytes) is a command line; it keeps an endless file out of memory.
_READ_AT_MOST = 16 << 20

_STDIN = "<stdin>"


class Lines(NamedTuple):
    """The command lines of a text, which is called ``name``."""

    name: str
    lines: list[WrittenLine]


def read_argv(words: Sequence[str]) -> list[str]:
    """The words of an argv; without any, or for ``-``, those of the shell command line on stdin.

    :raise UsageError: where stdin has no command line.
    """
    if words and list(words) != ["-"]:
        return list(words)
    from prober.commandline.parse import split_shell

    return split_shell(_read_stdin())


def read_command_lines(words: Sequence[str]) -> list[str] | Lines:
    """The words of an argv, or the command lines of the file that the only word names, or of stdin (``-``).

    A word that names a program is one: an argv of a binary alone.

    :raise UsageError: where there is no command line.
    """
    if not words or list(words) == ["-"]:
        return _of_stdin(_read_stdin())
    if len(words) == 1 and _is_text(Path(words[0])):
        return Lines(words[0], read_written(_read_file(words[0]), words[0]))
    if len(words) > 1 and _is_text(Path(words[0])) and not os.access(words[0], os.X_OK):
        raise UsageError(
            f"{words[0]} is a file with a command line, and {words[1]!r} stands behind it",
            hint="options stand before it",
        )
    return list(words)


def _of_stdin(text: str) -> list[str] | Lines:
    """What is one command line from its first word on is an argv, and each of its characters counts; else a file."""
    from prober.commandline.parse import split_shell

    try:
        lines = read_written(text, _STDIN)
    except UsageError:
        return split_shell(text)
    words = split_shell(text) if len(lines) == 1 else []
    return words if words[:1] == lines[0].argv[:1] else Lines(_STDIN, lines)


def read_process(pid: int) -> list[str]:
    """The words that a running process was started with, as the kernel has them.

    :raise UsageError: where there is no such process, or it has none.
    """
    try:
        data = Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        raise UsageError(f"there is no process {pid}", hint="pgrep -a qemu lists those of QEMU") from None
    except OSError as error:
        told = f"process {pid} cannot be looked at: {error.strerror}"
        raise UsageError(told, hint="ask as its user, or root") from error
    if not data:
        raise UsageError(f"process {pid} has no command line", hint="one of the kernel has none, nor one that ended")
    words = [os.fsdecode(word) for word in data.removesuffix(b"\0").split(b"\0")]

    if not is_called_qemu(words[0]):
        output.note(f"prober: process {pid} is called {words[0]!r}: is it a QEMU?")
    return words


def _is_text(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(4) != b"\x7fELF"
    except OSError:
        return False


def _read_file(name: str) -> str:
    try:
        with Path(name).open("rb") as stream:
            return stream.read(_READ_AT_MOST).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name}: cannot be read: {error}") from error


def _read_stdin() -> str:
    try:
        return sys.stdin.buffer.read(_READ_AT_MOST).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{_STDIN}: cannot be read: {error}") from error
