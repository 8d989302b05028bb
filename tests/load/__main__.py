"""``make load``: run for so many seconds (600), print the table, and end with 1 where a bar is missed."""

from __future__ import annotations

import os
import sys

from rich import box
from rich.console import Console
from rich.table import Table

from tests.load.agents import Measured
from tests.load.run import AGENTS, HELD, Run, run

_SECONDS = 600.0


def print_table(measured: Run) -> None:
    """Print what each part came to."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for header in ("load", "route", "answers", "a second", "errors", "p50 ms", "p90 ms", "p99 ms"):
        table.add_column(header, justify="left" if header in ("load", "route") else "right")
    parts = [("saturation", measured.saturated), ("half of it", measured.half)]
    parts += [("libvirtd", measured.libvirt)] if measured.libvirt else []
    for name, part in parts:
        _add(table, name, part)
    console = Console() if sys.stdout.isatty() else Console(width=120)
    cores, busy = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    console.print(f"{AGENTS} agents, {HELD} connections held besides, {cores} cores, load {busy:.1f}", highlight=False)
    console.print(table)
    figures = (measured.begun, measured.after, measured.end)
    console.print("memory: {:.1f} MiB at first, {:.1f} after the first part, {:.1f} at the end".format(*figures))
    if measured.libvirt is None:
        console.print("libvirtd was not asked, or is not installed here")
    for missed in measured.missed:
        console.print(f"MISSED: {missed}", style="bold red", highlight=False)


def _add(table: Table, name: str, part: Measured) -> None:
    for route, waits in sorted(part.waits.items()):
        figures = (f"{part.percentile(route, share):.2f}" for share in (50, 90, 99))
        table.add_row(name, route, str(len(waits)), f"{len(waits) / part.seconds:.0f}", "", *figures)
    errors = str(len(part.errors))
    table.add_row(name, "all", str(part.answers), f"{part.rate:.0f}", errors, "", "", "", end_section=True)


def main() -> None:
    """Run and print.

    :raise SystemExit: with 1 where a bar is missed.
    """
    measured = run(float(sys.argv[1]) if len(sys.argv) > 1 else _SECONDS)
    print_table(measured)
    raise SystemExit(1 if measured.missed else 0)


if __name__ == "__main__":
    main()
