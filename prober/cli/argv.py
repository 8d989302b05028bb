"""Reading a command line that is typed, or given on stdin."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from prober.errors import UsageError

#: Nothing near this size (bytes) is a command line; it keeps an endless file out of memory.
_READ_AT_MOST = 16 << 20


def read_argv(words: Sequence[str]) -> list[str]:
    """The words of an argv; without any, or for ``-``, those of the shell command line on stdin.

    :raise UsageError: where stdin has no command line.
    """
    if words and list(words) != ["-"]:
        return list(words)
    from prober.commandline.parse import split_shell

    try:
        text = sys.stdin.buffer.read(_READ_AT_MOST).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"<stdin>: cannot be read: {error}") from error
    return split_shell(text)
