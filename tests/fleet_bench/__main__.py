"""``make bench-fleet``: measure, print the table, and end with 1 where a bar is missed.

``python -m tests.fleet_bench 500`` measures a small fleet, of which nothing is judged.
"""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Iterable
from contextlib import aclosing
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from prober.cli.output import ProgressLine
from tests.fleet_bench.figures import Figure
from tests.fleet_bench.made import make_qemus
from tests.fleet_bench.measuring import HOSTS, Form, measure
from tests.fleet_bench.running import laid_out

_VERDICTS = {True: Text("met", "green"), False: Text("MISSED", "bold red"), None: Text("")}


def run(form: Form) -> list[Figure]:
    """All figures.  Nothing is left of it."""
    with ProgressLine() as progress, tempfile.TemporaryDirectory(prefix="fleet", dir=_place()) as made:
        progress.show("making the builds …")
        qemus = make_qemus(form.builds_each)
        with laid_out(Path(made)) as store:

            async def measured() -> list[Figure]:
                figures = []
                progress.show(f"writing {form.hosts:,} hosts …")
                async with aclosing(measure(form, store, Path(made), qemus)) as found:
                    async for figure in found:
                        figures.append(figure)
                        progress.show(f"{figure.name}: {figure.measured}")
                return figures

            return asyncio.run(measured())


def _place() -> str | None:
    """A disk, where there is one: what is in memory needs no sync."""
    return "/var/tmp" if os.access("/var/tmp", os.W_OK) else None


def print_table(figures: Iterable[Figure]) -> None:
    """Print the table, whole on a terminal and elsewhere."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for header in ("what", "bar", "measured", "", "note"):
        table.add_column(header, overflow="fold")
    for figure in figures:
        table.add_row(figure.name, figure.bar, figure.measured, _VERDICTS[figure.is_met], figure.note)
    console = Console()
    if not console.is_terminal:
        console = Console(width=220)
    cores, busy = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    console.print(
        f"Python {platform.python_version()}, {platform.machine()}, {cores} cores, load {busy:.1f}", highlight=False
    )
    console.print(table)


def main() -> None:
    """Measure and print.

    :raise SystemExit: with 1 where a bar is missed.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Nothing is left behind then either.
    form = Form(hosts=int(sys.argv[1]) if len(sys.argv) > 1 else HOSTS)
    figures = run(form)
    print_table(figures)
    if not form.is_whole:
        Console().print(f"The bars are for {HOSTS:,} hosts: nothing is judged here.", highlight=False)
    raise SystemExit(1 if any(figure.is_met is False for figure in figures) else 0)


if __name__ == "__main__":
    main()
