"""A line made ready to be started here: the table applied to each option, and to all that names what is left out."""

from __future__ import annotations

from prober.capabilities import Capabilities
from prober.proof.bench import Bench
from prober.proof.cascade import cascade
from prober.proof.given import given_options
from prober.proof.members import PairMembers
from prober.proof.row import treat
from prober.proof.rows.displays import show_nothing
from prober.proof.rows.options import OPTIONS
from prober.proof.rows.others import asks_for_help


def stand_in(words: list[str], caps: Capabilities, theirs: str) -> Bench:
    """What to start in the place of a line, whose first word is the binary.

    ``theirs`` is the directory of stand-ins as QEMU sees it.  Nothing is made, opened or run.
    """
    bench = Bench(caps, theirs, line=given_options(words))
    for given in bench.line:
        if asks_for_help(given):
            bench.refuse(given, "it prints a list and ends")
            continue
        treat(OPTIONS, "option", given.flag, given, given.members or PairMembers(), bench)
    show_nothing(bench)
    cascade(bench)
    return bench
