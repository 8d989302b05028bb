"""One row of the table that says what becomes of each option, and of each type that an option names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple

from prober.proof.absent import is_absent
from prober.proof.bench import Bench
from prober.proof.given import Given
from prober.proof.members import Members


class Treatment(Enum):
    """What becomes of it."""

    #: It is started as it was written.
    kept = "kept"
    #: A part of it is replaced by something that is here.
    stood_in = "stood in for"
    #: It is nothing without the host's own part, and is left out with all that names it.
    left_out = "left out"
    #: A line with it is not started.
    never = "never started"


#: Changes an option, and tells the bench.  The members are those of what the row is about: the option itself, or one
#: object below (a block node); an option without members brings empty ones.
Change = Callable[[Given, Members, Bench], None]


class StandInRow(NamedTuple):
    """``say`` is what stands in for it, or why it is left out or never started; empty for what is kept.

    ``change`` does it, for what is stood in for.
    """

    treatment: Treatment
    say: str = ""
    change: Change | None = None


#: A row of what is started as it was written.
KEPT = StandInRow(Treatment.kept)


def left_out(why: str) -> StandInRow:
    """A row of what is nothing without the host."""
    return StandInRow(Treatment.left_out, why)


def never(why: str) -> StandInRow:
    """A row of what no line is started with."""
    return StandInRow(Treatment.never, why)


def stood_in(by: str, change: Change) -> StandInRow:
    """A row of what is changed; ``by`` says what stands in, for the table in the documents."""
    return StandInRow(Treatment.stood_in, by, change)


def treat(rows: Mapping[str, StandInRow], noun: str, name: str, given: Given, members: Members, bench: Bench) -> None:
    """Do what the row of this name says; without one, nothing of the line is started.

    What the QEMU has not is left as it is, for QEMU to say so.

    ``noun`` is what the names are of: ``option``, ``netdev``, ``block driver``.
    """
    row = rows.get(name)
    if row is not None and row.treatment is not Treatment.never and is_absent(bench.caps, noun, name):
        return
    if row is None:
        bench.refuse(given, f"no rule for {noun} {name[:80]}")
    elif row.treatment is Treatment.never:
        bench.refuse(given, row.say)
    elif row.treatment is Treatment.left_out:
        bench.leave_out(given, row.say)
    elif row.change is not None:
        row.change(given, members, bench)
