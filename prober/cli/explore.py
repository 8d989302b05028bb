"""The commands that walk through what QEMUs can do: ``show``, ``explain`` and ``diff``.

Only declarations are here, as in :mod:`prober.cli.main`: what a command does is imported when it is called.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from prober.cli.options import Binary, Fact, Json, Replies, Socket


class What(StrEnum):
    """What there is to show."""

    summary = "summary"
    types = "types"
    type = "type"
    machines = "machines"
    cpus = "cpus"
    commands = "commands"
    command = "command"


def add_commands(app: typer.Typer) -> None:
    """Add the three to the command."""
    app.command()(show)
    app.command()(explain)
    app.command()(diff)


def show(
    what: Annotated[What, typer.Argument(help="What to show.")] = What.summary,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="For `show type NAME` and `show command NAME`.")
    ] = None,
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    json: Json = False,
) -> None:
    """Walk through what a QEMU can do: a summary, its QOM types, one type's properties, machines, CPU models, its QMP
    commands, one command's arguments.

    Against a service without `--binary`, the summary is of all binaries that it serves.

    Example: `prober show --binary /usr/bin/qemu-system-x86_64 type PIIX4_PM`
    """
    from prober.cli import show as command
    from prober.cli.source import choose

    command.run(choose(socket, binary, replies), what.value, name, as_json=json)


def explain(
    fact: Fact,
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    recordings: Annotated[
        list[Path] | None,
        typer.Option(
            "--recordings",
            metavar="PATH",
            help="Look in this recording, or directory of them, too, for the versions that have it. Repeatable.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Tell all that is known of a fact: what it is, type, default and values, on what grounds, and which recorded
    versions of QEMU have it.

    The versions are those of the recordings that come with prober, and of `--recordings`. Exit code: 0, whether the
    QEMU has it or not (`prober supports` has the codes for that).

    Example: `prober explain --binary /usr/bin/qemu-system-x86_64 PIIX4_PM.acpi-root-pci-hotplug`
    """
    from prober.cli import explain as command
    from prober.cli.source import choose

    command.run(choose(socket, binary, replies), fact, recordings or [], as_json=json)


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A QEMU binary, a recording, or an id of the service.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another, or the same after an upgrade.")],
    socket: Socket = None,
    domain: Annotated[
        str | None,
        typer.Option("--for", metavar="VM.xml", help="Keep only what this libvirt domain uses; - reads it from stdin."),
    ] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Print the counts alone.")] = False,
    json: Json = False,
) -> None:
    """Tell what an upgrade from one QEMU to another brings and takes away: machines, CPU models, devices, properties,
    QMP commands, their members, options, defaults and deprecations.

    A name with a slash, or of a file that is here, is a file: a program is interviewed now, any other file is read as
    a recording. Any other name is an id of the service. With `--socket`, that service is asked first for either.

    Exit code: 0, whether anything differs or not; with `--for`, 3 where B refuses the domain.

    Example: `prober diff qemu-7.2.replies.xz /usr/bin/qemu-system-x86_64 --for vm.xml`
    """
    from prober.cli import diff as command
    from prober.cli.source import choose_either

    raise typer.Exit(command.run(choose_either(a, socket), choose_either(b, socket), domain, summary, as_json=json))
