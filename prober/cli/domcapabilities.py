"""``prober domcapabilities``: what domains may have, in libvirt's form."""

from __future__ import annotations

from typing import Annotated

import typer

from prober.cli import output
from prober.cli.choosing import choose
from prober.cli.options import Assume, Binary, Json, Replies, Settings, Socket


def domcapabilities_command(
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    machine: Annotated[
        str | None,
        typer.Option("--machine", metavar="NAME", help="Name or alias of a machine.  [default: QEMU's own]"),
    ] = None,
    virttype: Annotated[
        str | None,
        typer.Option("--virttype", metavar="TYPE", help="kvm or qemu.  [default: kvm, if QEMU was asked with it]"),
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option("--arch", metavar="ARCH", help="The guests' architecture.  [default: the binary's own]"),
    ] = None,
    settings: Settings = None,
    assume_unknown_present: Assume = False,
    json: Json = False,
) -> None:
    """Only what is proven present is told as supported; what is unknown is left out. `--json` has what each row stands
    on, and what was left out, besides.

    Example: `prober domcapabilities --binary /usr/bin/qemu-system-x86_64 --machine q35`
    """
    answerer = choose(socket, binary, replies, settings)
    told = answerer.domains(
        machine=machine, virttype=virttype, arch=arch, assume_unknown_present=assume_unknown_present
    )
    if json:
        output.write_json(told)
    else:
        output.write(told["xml"].removesuffix("\n"))
