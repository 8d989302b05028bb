"""Scripts that stand before a QEMU: their interpreter, and the programs that they name.

Debian 12's ``qemu-system-i386`` is one: a line of shell that starts ``qemu-system-x86_64`` with ``-cpu``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

#: A script larger than this (bytes) is no wrapper that somebody wrote.
_MAX_SCRIPT = 65536
_MAX_PROGRAMS = 64
_PROGRAM = re.compile(rb"(?<![\w./-])(/[\w.+-]+(?:/[\w.+-]+)+|qemu-[\w.+-]+)")
_NOT_PROGRAMS = ("/dev/", "/proc/", "/sys/")


def find_programs(path: str) -> tuple[str, ...]:
    """The programs that a script names; none for a file that is no script, or cannot be read."""
    text = _read_script(path)
    if text is None:
        return ()
    beside = Path(path).parent
    named = dict.fromkeys(str(beside / match.decode(errors="replace")) for match in _PROGRAM.findall(text))
    programs = [name for name in named if not name.startswith(_NOT_PROGRAMS) and not Path(name).is_dir()]
    return tuple(programs[:_MAX_PROGRAMS])


def interpreter_of(path: str) -> str | None:
    """The program that runs a script, as its first line has it; None for a file that is no script."""
    words = (_read_script(path) or b"").split(b"\n", 1)[0].split()
    return words[0].decode(errors="replace") if words and words[0].startswith(b"/") else None


def _read_script(path: str) -> bytes | None:
    """What follows ``#!``."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return os.read(fd, _MAX_SCRIPT) if os.read(fd, 2) == b"#!" else None
    except OSError:
        return None
    finally:
        os.close(fd)
