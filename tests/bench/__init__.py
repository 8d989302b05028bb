"""Measurements against their bars: ``make bench``.  Each module's ``rows()`` measures one part of prober.

Most bars are shares of what the parent takes: an earlier commit, measured in turns with this checkout, so that the
mood of a machine is in both figures (:mod:`tests.bench.sides`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

#: Where a figure is taken: inside a Python process, at the service's socket, or as a whole process.
Where: TypeAlias = Literal["in process", "socket", "process", ""]

PARENT, PRESENT = "parent", "present"


@dataclass(frozen=True)
class Row:
    """One line of the table, all of it as text.  ``ok`` is None for a line that has no bar, or none that can be judged
    here; then ``note`` says why."""

    name: str
    where: Where
    present: str
    parent: str = ""
    ratio: str = ""
    bar: str = ""
    ok: bool | None = None
    note: str = ""
    #: Whether the bar is one that is known to be out of reach, and the figure no worse than what was measured then.
    at_floor: bool = False


def compare(
    name: str,
    where: Where,
    figures: Mapping[str, float],
    form: str,
    bar: float | None = None,
    note: str = "",
    floor: float | None = None,
) -> Row:
    """A row of what the present takes, as a share of what the parent takes.

    ``figures`` are by side; ``form`` writes one (``"{:.2f} ms"``).  ``bar`` is the share that may not be exceeded.
    Without a parent there is no share, and the bar stays open.  ``floor`` is the share that stays of a bar that is out
    of reach (docs/decisions/floors.md).
    """
    present, parent = figures[PRESENT], figures.get(PARENT)
    told = "" if bar is None else f"≤ {bar:.0%} of parent"
    if parent is None:
        return Row(name, where, form.format(present), bar=told, note=note)
    ratio = present / parent
    ok = None if bar is None else ratio <= bar
    at_floor = ok is False and floor is not None and ratio <= floor
    return Row(name, where, form.format(present), form.format(parent), f"{ratio:.0%}", told, ok, note, at_floor)
