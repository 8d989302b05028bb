"""``prober fleet serve``: a reader in the foreground."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated

import typer

from prober.cli import output
from prober.cli.fleet.asking import store_url
from prober.cli.fleet.options import Credentials, Store
from prober.cli.served import Config, Group
from prober.fleet.pulses import SILENT_S
from prober.service.configuration import load_settings
from prober.service.fleet.server import DEFAULT_SOCKET, ReaderSettings, run_reader
from prober.service.logs.start import start_logging

_OVER_TCP = "Over TCP"


def fleet_serve_command(
    store: Store = None,
    credentials: Credentials = None,
    socket: Annotated[
        Path, typer.Option("--socket", metavar="PATH", help="Listen on this unix socket.")
    ] = DEFAULT_SOCKET,
    group: Group = None,
    silent: Annotated[
        float,
        typer.Option(
            "--silent-after", metavar="SECONDS", min=1, help="A host is silent after so long without a heartbeat."
        ),
    ] = SILENT_S,
    config: Config = None,
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen",
            metavar="ADDRESS:PORT",
            help="Listen there as well, over TLS, to who shows a certificate.",
            rich_help_panel=_OVER_TCP,
        ),
    ] = None,
    cert: Annotated[
        Path | None,
        typer.Option("--cert", metavar="FILE", help="The reader's own certificate (PEM).", rich_help_panel=_OVER_TCP),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            metavar="FILE",
            help="Its key, which only its user may read. [default: it stands in --cert]",
            rich_help_panel=_OVER_TCP,
        ),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(
            "--ca",
            metavar="FILE",
            help="The authorities of clients' certificates (PEM).",
            rich_help_panel=_OVER_TCP,
        ),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="NAME",
            help="A client that may ask, by a name in its certificate. Repeatable.",
            rich_help_panel=_OVER_TCP,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not print where it listens.")] = False,
) -> None:
    """It follows the store, holds all in memory, and answers on the socket (`prober fleet can VM.xml --reader SOCKET`).
    Any number of readers may follow one store; none writes to it. Where the store is away, it answers from what it knew
    and says so. What is said here of TCP stands over the settings (`[fleet]`, docs/settings.md), of which it heeds the
    limits of clients too. SIGINT and SIGTERM end it; SIGHUP has it read settings and certificates anew, where it has no
    terminal.

    Example: `prober fleet serve --store nats://store1:4222 --credentials reader.seed --socket run/fleet.sock`
    """
    given = {"listen": listen, "cert": cert, "key": key, "ca": ca, "allow": allow or None}
    over_tcp = {name: value for name, value in given.items() if value is not None}
    url = store_url(store)

    def load() -> ReaderSettings:
        told = load_settings(config, {"fleet": over_tcp} if over_tcp else {})
        return ReaderSettings(
            store=url, credentials=credentials, socket=socket, group=group, silent_s=silent, told=told
        )

    settings = load()
    in_words = not quiet and "NOTIFY_SOCKET" not in os.environ
    start_logging(logging.WARNING if in_words else logging.INFO)
    if in_words:
        where = f"{socket} and {over}" if (over := settings.told.fleet.listen) else f"{socket}"
        output.note(f"prober reads {settings.store} and answers on {where}; Ctrl-C ends it.")
    run_reader(settings, load)
