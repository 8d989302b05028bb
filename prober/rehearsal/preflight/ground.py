"""What every look gets, and how it says what it found."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from prober.commandline.refusal import Place
from prober.rehearsal.preflight.model import HostFinding
from prober.rehearsal.preflight.view import SeenHost, Way
from prober.rehearsal.preflight.wanted import HostItem, HostNeed, HostWishes


@dataclass(frozen=True)
class Ground:
    """The host, and all that the domain asks of it."""

    view: SeenHost
    wanted: HostWishes


#: Looks at what one thing on the command line takes of the host.
ItemLook: TypeAlias = Callable[[HostItem, Ground], Iterator[HostFinding]]

#: Looks at what one need takes of the host.
NeedLook: TypeAlias = Callable[[HostNeed, Ground], Iterator[HostFinding]]


def is_right(kind: str, what: str, place: Place) -> HostFinding:
    """All is well."""
    return HostFinding(outlook="ok", kind=kind, what=what, place=place)


def is_wrong(kind: str, what: str, place: Place, why: str, todo: str) -> HostFinding:
    """The domain does not start, or not as it is meant."""
    return HostFinding(outlook="wrong", kind=kind, what=what, place=place, why=why, todo=todo)


def is_unknown(kind: str, what: str, place: Place, why: str, todo: str = "") -> HostFinding:
    """It could not be told."""
    return HostFinding(outlook="unknown", kind=kind, what=what, place=place, why=why, todo=todo)


def unless_there(kind: str, way: Way, place: Place, why: str, todo: str) -> HostFinding | None:
    """What is to be told of a way that does not end at its file; None where it does.

    ``todo`` makes what is missing; a way that is closed has its own.
    """
    match way.end:
        case "there":
            return None
        case "unknown":
            return is_unknown(kind, way.said, place, why, way.todo)
        case "missing":
            return is_wrong(kind, way.said, place, why, todo)
        case _:
            return is_wrong(kind, way.said, place, why, way.todo)


def is_made_at_start(path: str, on: Ground) -> bool:
    """Whether it is in a directory that whoever starts QEMU makes for this domain alone."""
    settings = on.wanted.target.settings
    return path.startswith((f"{settings.state_directory}/domain-", f"{settings.channel_target_directory}/"))


def kind_of_file(found: os.stat_result) -> str:
    """What a file is, in words."""
    for test, words in (
        (stat.S_ISREG, "a file"),
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISBLK, "a block device"),
        (stat.S_ISCHR, "a character device"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISFIFO, "a pipe"),
    ):
        if test(found.st_mode):
            return words
    return "something else"


def in_units(size: int) -> str:
    """A size in the largest unit that it is a whole number of: ``2 MiB``."""
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size and size % (1 << shift) == 0:
            return f"{size >> shift} {unit}"
    return f"{size} bytes"
