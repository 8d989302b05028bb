"""``make bench``: all measurements in one run, printed as one table.

``python -m tests.bench service commands`` measures only these parts.  The exit code is 1 where a bar is missed;
one that is known to be out of reach is missed where the figure is worse than its floor (docs/decisions/floors.md).
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from prober.cli.output import ProgressLine
from tests.bench import Row
from tests.bench.sides import Side, parent, parent_name

#: The parts, in the order of the table; each has ``rows()``.
PARTS = (
    "yardstick",
    "native",
    "peers",
    "service",
    "start_of_qemu",
    "recordings",
    "commands",
    "growth",
    "interview",
)

_VERDICTS = {True: Text("held", "green"), False: Text("MISSED", "bold red"), None: Text("")}
_OPEN = Text("open", "yellow")
_AT_FLOOR = Text("out of reach", "yellow")


def measure(parts: Iterable[str]) -> list[Row]:
    """Run the parts one after the other; nothing else of ours runs meanwhile."""
    rows: list[Row] = []
    with ProgressLine() as progress:
        progress.show(f"making the parent, {parent_name()[:12]} …")
        parent()
        for part in parts:
            progress.show(f"measuring: {part} …")
            for row in importlib.import_module(f"tests.bench.{part}").rows():
                rows.append(row)
                progress.show(f"measuring: {part}: {row.name}")
    return rows


def print_table(rows: Iterable[Row]) -> None:
    """Print the table, whole on a terminal and elsewhere."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for header in ("what", "where", "bar", "parent", "present", "ratio", "verdict", "note"):
        table.add_column(header, overflow="fold")
    for row in rows:
        verdict = _AT_FLOOR if row.at_floor else _OPEN if row.bar and row.ok is None else _VERDICTS[row.ok]
        table.add_row(row.name, row.where, row.bar, row.parent, row.present, row.ratio, verdict, row.note)
    console = Console()
    if not console.is_terminal:
        console = Console(width=220)
    cores = len(os.sched_getaffinity(0))
    busy = os.getloadavg()[0]
    console.print(
        f"Python {platform.python_version()}, {platform.machine()}, {cores} cores, load {busy:.1f}", highlight=False
    )
    found = parent()
    told = f"parent: {parent_name()}" if isinstance(found, Side) else f"NO PARENT: {found}"
    console.print(told, highlight=False)
    console.print(table)
    if not isinstance(found, Side):
        console.print("Without the parent its bars stay open: what the present takes is told, and not judged.")


def main() -> None:
    """Measure and print.

    :raise SystemExit: with 1 where a bar is missed, 2 for a part that is not known.
    """
    parts = sys.argv[1:] or PARTS
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        Console(stderr=True).print(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}", highlight=False)
        raise SystemExit(2)
    rows = measure(parts)
    print_table(rows)
    raise SystemExit(1 if any(row.ok is False and not row.at_floor for row in rows) else 0)


if __name__ == "__main__":
    main()
