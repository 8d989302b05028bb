"""Answers about a recording that were given before, for who asks the same facts with each call.

To load what reads a recording takes ten times as long as all that Python itself takes to start, and the answer is the
same as long as the file is.  A file of JSON for each recording, in the user's own cache, has those that were given.
Whatever is wrong with it, the recording is read.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import prober
from prober.host.own_places import own_cache
from prober.qemu.bundled import called, named_recording

Json: TypeAlias = dict[str, Any]
_Told: TypeAlias = tuple[str, Json]

#: The rooms whose code an answer is made by.
_ROOMS = ("capabilities", "qemu")

#: No file of answers is larger (bytes): 4 ms to read.  One that would be begins anew.
_MOST_BYTES = 1 << 20

#: There are no more files than this many, of which the oldest go first.
_MOST_FILES = 32

#: A file that was changed less long ago (seconds) may be changed again without its times telling.
_SETTLED_S = 2.0


class KeptAnswers:
    """Evidence of a recording's facts: what was kept of it, else what ``ask`` says of a fact, which is kept.

    ``ask`` gives which QEMU it is, without what the recording is called, and the evidence.
    """

    def __init__(self, path: Path, ask: Callable[[str], _Told]) -> None:
        self._file = named_recording(path)
        self._label = called(path, self._file)
        self._ask = ask
        self._whose = _identity(self._file)
        self._place = None if self._whose is None else own_cache() / "facts" / f"{self._whose[0]}-{self._whose[1]}.json"
        self._qemu, self._facts = self._read()
        self._has_more = False

    def supports(self, fact: str) -> Json:
        """As an answerer does.

        :raise ProberError: as ``ask`` does.
        """
        if (kept := self._facts.get(fact)) is not None:
            return kept
        self._qemu, told = self._ask(fact)
        self._facts[fact] = told
        self._has_more = True
        return told

    def name(self) -> str:
        """As an answerer does, once something was answered."""
        return f"{self._label} {self._qemu}"

    def keep(self) -> None:
        """Write down what is new, where there is a place for it."""
        if not self._has_more or self._place is None or self._whose is None:
            return
        if self._whose != _identity(self._file) or time.time() - self._whose[3] / 1e9 < _SETTLED_S:
            return
        from prober.qemu.whole import is_written_to, write_whole

        text = json.dumps({"of": self._whose, "qemu": self._qemu, "facts": self._facts}).encode()
        with suppress(OSError):
            self._place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if len(text) <= _MOST_BYTES and _is_own(self._place.parent.stat()) and not is_written_to(self._place):
                write_whole(self._place, text, 0o600)
                _prune(self._place.parent)

    def _read(self) -> tuple[str, dict[str, Json]]:
        """What was kept, if it is of this very file and of this code, and nobody else can have written it."""
        if self._place is None:
            return "", {}
        try:
            # What is no plain file may hold who opens it.
            descriptor = os.open(self._place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                found = os.fstat(descriptor)
                if not stat.S_ISREG(found.st_mode) or not _is_own(found) or found.st_size > _MOST_BYTES:
                    return "", {}
                told = json.loads(file.read(_MOST_BYTES))
            if told["of"] == self._whose:
                return str(told["qemu"]), dict(told["facts"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            pass
        return "", {}


def _identity(file: Path) -> list[Any] | None:
    """What an answer depends on: the recording's file, and prober's own code; None where there is none.

    The time of its last change (ctime) is set by nobody but the kernel.
    """
    try:
        found = file.stat()
        code = []
        for room in _ROOMS:
            with os.scandir(Path(prober.__file__).parent / room) as entries:
                code += sorted(
                    [entry.name, (of := entry.stat()).st_size, of.st_mtime_ns]
                    for entry in entries
                    if entry.name.endswith(".py")
                )
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return [found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size, prober.__version__, code]


def _is_own(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _prune(directory: Path) -> None:
    files = sorted(directory.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    for path in files[:-_MOST_FILES]:
        path.unlink()
