"""The options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Accel(StrEnum):
    """What QEMU is asked with."""

    auto = "auto"
    tcg = "tcg"


class Format(StrEnum):
    """How a command line is written."""

    shell = "shell"
    json = "json"


Assume = Annotated[
    bool,
    typer.Option(
        "--assume-unknown-present",
        help="Take for granted what the QEMU was never asked, for partial recordings. Nothing is proven then.",
    ),
]
_SOURCE = "Who answers"
Socket = Annotated[
    Path | None,
    typer.Option("--socket", metavar="PATH", help="The unix socket of a running service.", rich_help_panel=_SOURCE),
]
Binary = Annotated[
    str | None,
    typer.Option(
        "--binary",
        metavar="QEMU",
        help="A QEMU binary, asked here and now; together with --socket, the path or id of one that the service knows.",
        rich_help_panel=_SOURCE,
    ),
]
Replies = Annotated[
    Path | None,
    typer.Option(
        "--replies",
        metavar="FILE",
        help="A recording of an interview, plain or .xz (`prober record` makes one).",
        rich_help_panel=_SOURCE,
    ),
]
Settings = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE",
        help="The host's settings in TOML: libvirt's qemu.conf, networks, pools. "
        "[default: /etc/prober/host.toml, if it is there]",
    ),
]
Fact = Annotated[
    str,
    typer.Argument(
        metavar="FACT",
        help="QEMU's own name: TYPE, TYPE.PROPERTY, COMMAND, COMMAND.MEMBER, -OPTION or -OPTION.KEY.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Root = Annotated[
    Path | None,
    typer.Option("--root", metavar="DIR", help="Run QEMU inside this root directory (takes root)."),
]
AccelOption = Annotated[
    Accel,
    typer.Option("--accel", help="auto: with KVM where /dev/kvm can be opened, and with TCG; tcg: with TCG alone."),
]
