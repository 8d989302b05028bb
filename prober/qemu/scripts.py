"""Scripts that stand before a QEMU: their interpreter, and the programs that they lead to.

Debian 12's ``qemu-system-i386`` is one: a line of shell that starts ``qemu-system-x86_64`` with ``-cpu``.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

#: A script larger than this (bytes) is no wrapper that somebody wrote.
_MAX_SCRIPT = 65536
_MAX_PROGRAMS = 64
_PROGRAM = re.compile(rb"(?<![\w./-])(/[\w.+-]+(?:/[\w.+-]+)+|qemu-[\w.+-]+)")
_NOT_PROGRAMS = ("/dev/", "/proc/", "/sys/")
#: What may be the name of a script that a variable or ``cd`` leads to; in how many words of a text it is looked for,
#: and how many names are tried in all.
_WORD = re.compile(rb"[\w.+-]+")
_MAX_WORDS = 300
_MAX_TRIED = 64
#: What a shell is called.  A program in another language names files that it only works with, in any number.
_SHELL = re.compile(rb"#![ \t]*\S*/(?:env[ \t]+)?(?:ba|da|a|k|z|)sh\b")


def find_programs(path: str) -> tuple[str, ...]:
    """The programs that a script names; none for a file that is no script, or cannot be read.  The nearest come first.

    A script of the shell is followed: to the scripts of the shell, and the texts that it reads, that it names, and so
    on.  It may name the next one in parts (``cd /opt/q; exec ./run``, ``exec "$here/$next"``): each word that is the
    name of a script beside it, or in a directory that it names, is taken for one.  Nothing else of them is left once
    QEMU runs.
    """
    text = _read(path, _MAX_SCRIPT + 2)
    if text is None or text[:2] != b"#!":
        return ()
    tries = iter(range(_MAX_TRIED))
    is_shell = _SHELL.match(text) is not None
    found = dict.fromkeys(_named_in(path, text[2:], tries, in_parts=is_shell))
    for name in (reached := list(found) if is_shell else []):
        if len(found) >= _MAX_PROGRAMS:
            break
        if name != path and (text := _read_text(name)) is not None:
            named = _named_in(name, text, tries, in_parts=True)
            new = [one for one in named if one not in found and one != path]
            found.update(dict.fromkeys(new))
            reached += new
    return tuple(islice(found, _MAX_PROGRAMS))


def _named_in(path: str, text: bytes, tries: Iterator[int], *, in_parts: bool) -> Iterator[str]:
    """The programs that a text names, then the scripts that it names in parts, as long as there are ``tries`` left."""
    beside = Path(path).parent
    directories = [beside]
    for match in dict.fromkeys(found[0] for found in islice(_PROGRAM.finditer(text), _MAX_PROGRAMS)):
        name = str(beside / match.decode(errors="replace"))
        if name.startswith(_NOT_PROGRAMS):
            continue
        looks = not in_parts or next(tries, None) is not None
        if not (looks and Path(name).is_dir()):
            yield name
        elif in_parts:
            directories.append(Path(name))
    words = _words(text) if in_parts else []
    for directory in directories:
        for word in words:
            if next(tries, None) is None:
                return
            name = f"{directory}/{word}"
            if word.strip(".") and _read(name, 2) == b"#!":
                yield name


def _words(text: bytes) -> list[str]:
    """What may be the name of a script in a text, each once."""
    found = dict.fromkeys(match[0] for match in islice(_WORD.finditer(text), _MAX_WORDS))
    return [word.decode(errors="replace") for word in found]


def interpreter_of(path: str) -> str | None:
    """The program that runs a script, as its first line has it; None for a file that is no script."""
    text = _read(path, _MAX_SCRIPT)
    if text is None or text[:2] != b"#!":
        return None
    words = text[2:].split(b"\n", 1)[0].split()
    return words[0].decode(errors="replace") if words and words[0].startswith(b"/") else None


def _read_text(path: str) -> bytes | None:
    """What is in a script of the shell, or in a text that one may read; None for all else, and what is too large."""
    text = _read(path, _MAX_SCRIPT + 1)
    if text is None or len(text) > _MAX_SCRIPT or b"\0" in text:
        return None
    return None if text[:2] == b"#!" and _SHELL.match(text) is None else text


def _read(path: str, most: int) -> bytes | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return None
    try:
        return os.read(fd, most) if stat.S_ISREG(os.fstat(fd).st_mode) else None
    except OSError:
        return None
    finally:
        os.close(fd)
