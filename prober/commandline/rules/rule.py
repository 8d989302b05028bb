"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from prober.commandline.line import Line
from prober.commandline.refusal import Fault, Finding, Kind

#: Major, minor and micro number of a QEMU.
Version: TypeAlias = tuple[int, int, int]


class Rule(NamedTuple):
    """``name`` is the rule's for good (see :mod:`prober.commandline.refusal`), ``says`` what has to be, ``source`` the
    file and function of QEMU that refuses what is not (after a colon, which part of it); ``find`` looks for it on a
    command line.

    ``about`` names what the rule looks at, as :attr:`Line.words` has it: where a line has nothing of it, ``find`` finds
    nothing, and is not asked.  Without ``about`` it always is.

    ``wrong`` is a command line without the binary that breaks the rule and nothing else, ``right`` its sound twin.
    Neither needs anything of a host (``{dir}`` is a directory with a file ``disk`` of 1 MiB and nothing else), and both
    are run on real QEMUs: of the versions in which the rule holds, which are those from ``since`` on and before
    ``until``, each makes of ``wrong`` what ``kind`` says, and takes ``right``.
    ``warns`` is what its warning of what is deprecated has in it, empty where its documentation alone says so.
    """

    name: str
    says: str
    source: str
    find: Callable[[Line], Iterator[Fault]]
    about: tuple[str, ...] = ()
    wrong: str = ""
    right: str = ""
    since: Version = (0, 0, 0)
    until: Version | None = None
    kind: Kind = Kind.error
    warns: str = "deprecated"

    def holds_for(self, version: Version) -> bool:
        """Whether a QEMU of this version is one that the rule is about."""
        return self.since <= version and (self.until is None or version < self.until)

    def found(self, fault: Fault) -> Finding:
        """What the rule found, as the check says it."""
        return fault.by(self.name, self.source, self.kind)
