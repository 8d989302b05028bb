"""The domains that ``prober check`` is given: files, directories of them, patterns, stdin."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path

from prober.capabilities.bundled import RECORDING_ENDS
from prober.cli.checking import in_order
from prober.errors import UsageError

#: How the name of a domain's file ends, in a directory.
_END = ".xml"


def find_domains(words: Iterable[str]) -> list[str]:
    """The file of each domain once, ``-`` for stdin, in the order they were named.

    A directory stands for the ``*.xml`` in it, and not below it: in libvirt's own there are networks.

    :raise UsageError: where a word has none, or is a QEMU.
    """
    return list(dict.fromkeys(file for word in words for file in _of_word(word)))


def is_one(words: list[str]) -> bool:
    """Whether one domain is named, by a file or on stdin."""
    return len(words) == 1 and not Path(words[0]).is_dir() and (not has_magic(words[0]) or Path(words[0]).exists())


def _of_word(word: str) -> Iterator[str]:
    path = Path(word)
    if word == "-" or path.is_file():
        if word.endswith(RECORDING_ENDS) or (word != "-" and os.access(word, os.X_OK) and _is_program(path)):
            raise UsageError(
                f"{word} is a QEMU, and with --against all other words are domains", hint=f"write --against {word}"
            )
        yield word
    elif path.is_dir():
        found = [str(one) for one in in_order(one for one in path.iterdir() if one.name.endswith(_END))]
        if not found:
            raise UsageError(f"{word} has no domains", hint=f"they are files called *{_END}")
        yield from found
    elif has_magic(word):
        # Not Path.glob, which takes no absolute pattern.
        matched = [str(one) for one in in_order(Path(one) for one in glob(word, recursive=True)) if one.is_file()]  # noqa: PTH207
        if not matched:
            raise UsageError(f"nothing is called {word}", hint="a pattern is one of a shell's: vms/*.xml, vms/**/*.xml")
        yield from matched
    else:
        yield word  # What reads it says that it is not there.


def _is_program(path: Path) -> bool:
    """Whether it begins as a program does, and not as XML."""
    try:
        with path.open("rb") as stream:
            return stream.read(4) == b"\x7fELF" or path.name.startswith("qemu-")
    except OSError:
        return False
