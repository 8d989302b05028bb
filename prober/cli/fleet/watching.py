"""``prober fleet watch``: changes of a fleet, as they come."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from prober.cli.fleet.readers import client_of
from prober.cli.options import Json
from prober.cli.watch import follow, tell_changes
from prober.service.fleet.routes import CHANGES
from prober.service.fleet.server import DEFAULT_SOCKET


def fleet_watch_command(
    reader: Annotated[
        str,
        typer.Option(
            "--reader",
            metavar="SOCKET",
            help="The socket of a reader, or https://HOST:PORT?ca=FILE&cert=FILE&key=FILE.",
            rich_help_panel="Who answers",
        ),
    ] = str(DEFAULT_SOCKET),
    json: Json = False,
    past: Annotated[bool, typer.Option("--past", help="Begin with the changes that the reader remembers.")] = False,
    count: Annotated[int, typer.Option("--count", metavar="N", min=0, help="End after so many; 0: never.")] = 0,
) -> None:
    """Hosts that are new, changed, gone, silent, heard again, damaged; the store away and back. With `--json` each
    change is one line. Ctrl-C ends it.

    Example: `prober fleet watch --reader run/fleet.sock`
    """
    with client_of(reader) as client:
        tell_changes(follow(client, past=past, route=CHANGES), count, None if json else format_fleet_change)


def format_fleet_change(change: dict[str, Any]) -> str:
    """A change in a line.

    >>> print(format_fleet_change({"kind": "reset"}))
    changes may be missing: look at everything anew
    """
    if change["kind"] == "reset":
        return "changes may be missing: look at everything anew"
    at = time.strftime("%H:%M:%S", time.localtime(change["at"]))
    said = f": {change['said']}" if change["said"] else ""
    return f"{at} {change['kind']} {change['host'] or 'the store'}{said}"
