"""The options that several questions to a fleet have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        envvar="PROBER_FLEET_STORE",
        help="Where the fleet is kept: sqlite:PATH, or nats://HOST:PORT.",
        rich_help_panel="Who answers",
    ),
]
Credentials = Annotated[
    Path | None,
    typer.Option(
        "--credentials",
        metavar="FILE",
        envvar="PROBER_FLEET_CREDENTIALS",
        help="For a store over NATS: the file of one's key, an NKey's seed or .creds.",
        readable=False,
        rich_help_panel="Who answers",
    ),
]
Reader = Annotated[
    str | None,
    typer.Option(
        "--reader",
        metavar="SOCKET",
        help="Ask the reader (`prober fleet serve`) on this socket, or at https://HOST:PORT?ca=FILE&cert=FILE&key=FILE,"
        " and not the store.",
        rich_help_panel="Who answers",
    ),
]
Listen = Annotated[
    float,
    typer.Option(
        "--listen",
        metavar="SECONDS",
        min=0,
        max=3600,
        help="Listen so long to the heartbeats of a store over NATS: who is not heard counts as silent.",
        rich_help_panel="Who answers",
    ),
]
#: A host beats every 30 s.
LISTEN_S = 31.0

WhereOption = Annotated[
    str | None,
    typer.Option("--where", metavar="LABEL=VALUE,…", help="Only the hosts that have all of these labels."),
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=0, max=1000, help="Name so many hosts.")]
After = Annotated[str, typer.Option("--after", metavar="HOST", help="Name those that come after this one.")]
AnyEmulator = Annotated[
    bool,
    typer.Option("--any-emulator", help="Any QEMU of a host will do, wherever the domain's <emulator> says it lies."),
]
