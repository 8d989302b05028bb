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
from prober.cli.served import Group
from prober.fleet.pulses import SILENT_S
from prober.service.fleet.server import DEFAULT_SOCKET, ReaderSettings, run_reader
from prober.service.logs.start import start_logging


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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not print where it listens.")] = False,
) -> None:
    """It follows the store, holds all in memory, and answers on the socket (`prober fleet can VM.xml --reader SOCKET`).
    Any number of readers may follow one store; none writes to it. Where the store is away, it answers from what it knew
    and says so. SIGINT and SIGTERM end it.

    Example: `prober fleet serve --store nats://store1:4222 --credentials reader.seed --socket run/fleet.sock`
    """
    settings = ReaderSettings(
        store=store_url(store), credentials=credentials, socket=socket, group=group, silent_s=silent
    )
    in_words = not quiet and "NOTIFY_SOCKET" not in os.environ
    start_logging(logging.WARNING if in_words else logging.INFO)
    if in_words:
        output.note(f"prober reads {settings.store} and answers on {socket}; Ctrl-C ends it.")
    run_reader(settings)
