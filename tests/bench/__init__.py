"""Measurements against their bars: ``make bench``.  Each module's ``rows()`` measures one part of prober."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, the value and its bar as text, and whether it holds.

    ``ok`` is None for a line that explains and has no bar.
    """

    name: str
    value: str
    bar: str
    ok: bool | None
    note: str = ""
