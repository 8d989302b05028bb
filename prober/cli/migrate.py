"""``prober migrate``: a guest sent from one QEMU to another, as a rehearsal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prober.cli import output
from prober.cli.forms.write import chosen
from prober.cli.options import Anyway, Assume, Driven, FormOption, Json, Quiet, Settings, Socket, Whole

FROM_HELP = "The QEMU that the guest runs on: a path, the root directory of another system, or an id of a service."
TO_HELP = "The QEMU that it is to go to: a path, the root directory of another system, or an id of a service."


def migrate_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VM.xml... | -- QEMU OPTION...",
            help="Libvirt domains (files, directories of *.xml, - for stdin); or a command line, after `--`, whose "
            "first word is never run.",
        ),
    ] = None,
    source: Annotated[str | None, typer.Option("--from", metavar="QEMU", help=FROM_HELP)] = None,
    destination: Annotated[str | None, typer.Option("--to", metavar="QEMU", help=TO_HELP)] = None,
    from_root: Annotated[
        Path | None, typer.Option("--from-root", metavar="DIR", help="The root directory that the first is in.")
    ] = None,
    to_root: Annotated[
        Path | None,
        typer.Option("--to-root", "--root", metavar="DIR", help="The root directory that the second is in."),
    ] = None,
    to_line: Annotated[
        str | None,
        typer.Option("--to-line", metavar="LINE", help="The command line of the destination, where it is another."),
    ] = None,
    driven: Driven = False,
    both_ways: Annotated[bool, typer.Option("--both-ways", help="And back again, with a guest started there.")] = False,
    socket: Socket = None,
    settings: Settings = None,
    anyway: Anyway = False,
    whole: Whole = False,
    assume_unknown_present: Assume = False,
    quiet: Quiet = False,
    form: FormOption = None,
    json: Json = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Print what stood in for what, and all that a guest would see change."),
    ] = False,
) -> None:
    """Both are started with the guest's line, confined and stopped, and the one's state is sent to the other. What each
    has is read back and compared: what QEMU lets pass, though the guest would see it change, is told as well.

    A domain is translated for each QEMU; the destination has the machine type that the source's stands for.

    Exit code: 0 rehearsed, whole or in part; 3 refused, in QEMU's own words; 4 nothing can be said, or with `--whole`
    rehearsed in part; 2 what was given cannot be read; 5 no confinement is to be had, or a QEMU gave no answer.

    Example: `prober migrate vm.xml --from /usr/bin/qemu-system-x86_64 --to /opt/qemu/bin/qemu-system-x86_64`
    """
    output.hush(answer=quiet, words=quiet)
    from prober.cli.migrating import Journey, MigrateAsked, run_migrate

    asked = MigrateAsked(anyway, assume_unknown_present, driven, both_ways)
    journey = Journey(source, destination, from_root, to_root, settings, socket)
    raise typer.Exit(
        run_migrate(words or [], to_line, journey, asked, form=chosen(form, as_json=json), verbose=verbose, whole=whole)
    )
