"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from prober.commandline.line import Line
from prober.commandline.refusal import Fault


class Rule(NamedTuple):
    """``name`` is the rule's for good (see :mod:`prober.commandline.refusal`), ``says`` what has to be, ``source`` the
    file and function of QEMU that refuses what is not (after a colon, which part of it); ``find`` looks for it on a
    command line.

    ``about`` names what the rule looks at, as :attr:`Line.words` has it: where a line has nothing of it, ``find`` finds
    nothing, and is not asked.  Without ``about`` it always is.
    """

    name: str
    says: str
    source: str
    find: Callable[[Line], Iterator[Fault]]
    about: tuple[str, ...] = ()
