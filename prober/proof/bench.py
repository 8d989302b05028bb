"""Where a line is made ready to be started: what was replaced, what is left out, and the files that it needs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Literal

from prober.capabilities import Capabilities
from prober.proof.given import Given
from prober.proof.images import StandInImage
from prober.proof.models import Omission, Replacement

#: What stands in the directory of stand-ins: a file, a directory, or a unix socket that somebody listens on (and never
#: accepts).
FileKind = Literal["file", "directory", "socket"]

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")

#: The longest stem of a file's name; a unix socket's whole path has at most 107 bytes.
_MOST_STEM = 24


@dataclass(frozen=True, slots=True)
class StandInFile:
    """A file to make before QEMU starts: ``content``, and around it nothing up to ``size`` bytes, which take no room.

    ``name`` is its name in the directory of stand-ins, ``at`` where in the file the content begins.
    """

    name: str
    content: bytes = b""
    size: int = 0
    kind: FileKind = "file"
    writable: bool = True
    at: int = 0


@dataclass
class Bench:
    """One line under work.  ``theirs`` is the directory of stand-ins as QEMU sees it, and ``here`` are the paths of the
    line that are there for QEMU as well (firmware below ``/usr``): they are kept where only reading is asked for.

    ``gone`` are the ids of what is not made: all that names one of them is left out as well.  ``not_provable`` are the
    reasons for which it is not started at all.  ``drivers`` are the block drivers that a file stands in for, with an
    option that asks for each: whether the QEMU has them is to be asked (:mod:`prober.proof.drivers`).  ``was`` is the
    type that an option had, by its position, where another stands in for it.  ``later`` are options that were made
    ready with the line, and that the machine is not started with.
    """

    caps: Capabilities
    theirs: str
    line: list[Given] = field(default_factory=list)
    files: list[StandInFile] = field(default_factory=list)
    replaced: list[Replacement] = field(default_factory=list)
    left_out: list[Omission] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    not_provable: list[str] = field(default_factory=list)
    here: frozenset[str] = frozenset()
    drivers: dict[str, Given] = field(default_factory=dict)
    #: What the files of disks have to hold, worked out before the first is changed.
    images: dict[str, StandInImage] | None = None
    was: dict[int, str] = field(default_factory=dict)
    later: list[Given] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    def replace(self, given: Given, part: str, by: str) -> None:
        """Something stands in for a part of an option."""
        given.touch()
        self.replaced.append(Replacement(position=given.position, flag=given.flag, part=part, by=by))

    def leave_out(self, given: Given, why: str, part: str = "") -> None:
        """An option is not started with, or one part of it, which the caller has dropped from its members."""
        self.left_out.append(Omission(position=given.position, flag=given.flag, part=part, why=why))
        if part:
            given.touch()
            return
        given.is_left_out = True
        if given.id:
            self.gone.add(given.id)

    def refuse(self, given: Given, why: str) -> None:
        """Nothing is started for this line."""
        self.not_provable.append(f"{given.flag or 'a disk image by itself'}: {why}")

    def add(
        self,
        stem: str,
        *,
        content: bytes = b"",
        size: int = 0,
        kind: FileKind = "file",
        writable: bool = True,
        shared_as: str = "",
        at: int = 0,
    ) -> str:
        """A stand-in, and its path as QEMU sees it.

        ``stem`` is what its name begins with (a path's last part), made harmless.  What is ``shared_as`` the same thing
        (a path that the line names twice) is made once.
        """
        if shared_as and shared_as in self._names:
            return f"{self.theirs}/{self._names[shared_as]}"
        name = self._name(stem)
        self.files.append(StandInFile(name, content, size, kind, writable, at))
        if shared_as:
            self._names[shared_as] = name
        return f"{self.theirs}/{name}"

    def place(self, stem: str) -> str:
        """The path of what QEMU makes itself (a socket that it listens on, a log), as QEMU sees it."""
        return f"{self.theirs}/{self._name(stem)}"

    def add_named(self, name: str, content: bytes) -> str:
        """A file whose name QEMU knows (``ca-cert.pem``), made once; returns the directory that it is in.

        More content under the same name comes behind what is there.
        """
        for number, file in enumerate(self.files):
            if file.name == name:
                if content not in file.content:
                    self.files[number] = replace(file, content=file.content + content)
                return self.theirs
        self.files.append(StandInFile(name, content, writable=False))
        return self.theirs

    def append(self, flag: str, value: str) -> None:
        """Start with one more option, behind all others; its position is behind the line, as it was not given."""
        end = 1 + max((given.position + len(given.words()) - 1 for given in self.line), default=0)
        given = Given(end, flag, value)
        self.line.append(given)
        self.replaced.append(Replacement(position=end, flag=flag, part="", by=value))

    def find(self, flag: str, ident: str) -> Given | None:
        """The option of this flag and id, left out or not; None where there is none."""
        return next((given for given in self.line if given.flag == flag and given.id == ident), None)

    def _name(self, stem: str) -> str:
        """A name that nothing in the directory has, which begins with a number."""
        safe = _UNSAFE.sub("_", stem.rpartition("/")[2])[-_MOST_STEM:].lstrip(".-") or "file"
        self._count += 1
        return f"{self._count - 1}-{safe}"
