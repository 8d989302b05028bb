"""What is measured, and how it stands to its bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table.  ``is_met`` is None for what has no bar, or where it was measured in a small form."""

    name: str
    bar: str
    measured: str
    is_met: bool | None = None
    note: str = ""


def share_of(values: Sequence[float], part: float) -> float:
    """What so many of a hundred of these are at most (the nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * part / 100) - 1)]


def ms(seconds: float) -> str:
    """So many milliseconds."""
    return f"{seconds * 1000:,.2f} ms" if seconds < 0.1 else f"{seconds * 1000:,.0f} ms"


def in_seconds(seconds: float) -> str:
    """So many seconds; those that are hardly any are told to the hundredth."""
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{math.ceil(seconds * 100) / 100:.2f} s"
