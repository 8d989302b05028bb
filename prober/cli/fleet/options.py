"""The options that several questions to a fleet have."""

from __future__ import annotations

from typing import Annotated

import typer

Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        envvar="PROBER_FLEET_STORE",
        help="Where the fleet is kept: sqlite:PATH.",
        rich_help_panel="Who answers",
    ),
]
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
