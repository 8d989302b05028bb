"""A line made ready to be started here: the table applied to each option, and to all that names what is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable

from prober.capabilities import Capabilities
from prober.proof.bench import Bench
from prober.proof.cascade import cascade
from prober.proof.given import given_options
from prober.proof.members import PairMembers
from prober.proof.row import treat
from prober.proof.rows.displays import show_nothing
from prober.proof.rows.options import OPTIONS
from prober.proof.rows.others import asks_for_help

#: The longest list of paths that is looked at, and where they are.
_MOST_PATHS = 200
_SEEN = re.compile(r"/usr/(?:share|lib|lib64|libexec|local)/[\w./+-]{1,200}")


def paths_in(words: Iterable[str]) -> list[str]:
    """The paths below ``/usr`` that a line names, which a box shows where they are there: firmware, mostly."""
    found = (match for word in words for match in _SEEN.findall(word))
    return [path for path in dict.fromkeys(found) if "/../" not in path][:_MOST_PATHS]


def stand_in(words: list[str], caps: Capabilities, theirs: str, here: frozenset[str] = frozenset()) -> Bench:
    """What to start in the place of a line, whose first word is the binary.

    ``theirs`` is the directory of stand-ins as QEMU sees it, ``here`` are those of :func:`paths_in` that are there.
    Nothing is made, opened or run.
    """
    bench = Bench(caps, theirs, line=given_options(words), here=here)
    for given in bench.line:
        if asks_for_help(given):
            bench.refuse(given, "it prints a list and ends")
            continue
        if given.is_too_deep:
            bench.refuse(given, "it is nested too deeply")
            continue
        treat(OPTIONS, "option", given.flag, given, given.members or PairMembers(), bench)
    show_nothing(bench)
    cascade(bench)
    return bench
