"""Command lines as people read them: for a POSIX shell, an option a line."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Iterator


def format_shell(argv: Iterable[str]) -> str:
    r"""A command for a POSIX shell, one option a line.

    Every word is quoted, so the shell sees exactly this argv, whatever stands in it.  Only the layout guesses that
    a word with a leading dash begins an option.

    >>> print(format_shell(["qemu", "-S", "-name", "my vm"]))
    qemu \
      -S \
      -name 'my vm'
    """
    lines: list[list[str]] = []
    for word in argv:
        if not lines or word.startswith("-"):
            lines.append([])
        lines[-1].append(shlex.quote(word))
    return " \\\n  ".join(" ".join(line) for line in lines)


def argv_changes(a: Iterable[str], b: Iterable[str]) -> Iterator[str]:
    """The options that differ, one a line, as a shell reads them: ``-`` what A has, ``+`` what B has."""
    one, other = ([line.removesuffix(" \\").strip() for line in format_shell(argv).splitlines()] for argv in (a, b))
    for line in difflib.ndiff(one, other):
        if line.startswith(("- ", "+ ")):
            yield line
