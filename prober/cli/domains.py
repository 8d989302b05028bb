"""The domains that ``prober check`` is given: files, directories of them, patterns, stdin."""

from __future__ import annotations

import os
from collections.abc import Iterable
from glob import glob, has_magic
from pathlib import Path

from prober.cli.checking import in_order
from prober.errors import UsageError
from prober.qemu.bundled import RECORDING_ENDS

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


def _of_word(word: str) -> list[str]:
    path = Path(word)
    if not word:
        # pathlib takes it for the working directory.
        raise UsageError("an empty word names no domain", hint="is a variable of the shell empty?")
    if word == "-":
        return [word]
    if path.is_file():
        _refuse_qemu(path)
        return [word]
    if path.is_dir():
        found = in_order(one for one in path.iterdir() if one.name.endswith(_END))
        return _some(found, f"{word} has no domains", f"they are files called *{_END}")
    if has_magic(word):
        # Not Path.glob, which takes no absolute pattern.
        matched = in_order(Path(one) for one in glob(word, recursive=True))  # noqa: PTH207
        files = [one for one in matched if one.is_file()]
        return _some(files, f"nothing is called {word}", "a pattern is one of a shell's: vms/*.xml, vms/**/*.xml")
    return [word]  # What reads it says that it is not there.


def _some(found: list[Path], message: str, hint: str) -> list[str]:
    if not found:
        raise UsageError(message, hint=hint)
    return [str(one) for one in found]


def _refuse_qemu(path: Path) -> None:
    """A word that is none of a domain, as it was before there were many of those."""
    if path.name.endswith(RECORDING_ENDS) or (os.access(path, os.X_OK) and _is_program(path)):
        message = f"{path} is a QEMU, and with --against all other words are domains"
        raise UsageError(message, hint=f"write --against {path}")


def _is_program(path: Path) -> bool:
    """Whether it begins as a program does, and not as XML."""
    try:
        with path.open("rb") as stream:
            return stream.read(4) == b"\x7fELF" or path.name.startswith("qemu-")
    except OSError:
        return False
