"""``prober upgrade``: what becomes of domains when the QEMU under them is replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prober.cli import output
from prober.cli.forms.write import chosen
from prober.cli.migrate import FROM_HELP, TO_HELP
from prober.cli.options import Driven, FormOption, Json, Quiet, Settings, Socket


def upgrade_command(
    domains: Annotated[
        list[str],
        typer.Argument(
            metavar="VM.xml...", help="Libvirt domains: files, directories of *.xml; - reads one from stdin."
        ),
    ],
    source: Annotated[str | None, typer.Option("--from", metavar="QEMU", help=FROM_HELP)] = None,
    destination: Annotated[str | None, typer.Option("--to", metavar="QEMU", help=TO_HELP)] = None,
    from_root: Annotated[
        Path | None, typer.Option("--from-root", metavar="DIR", help="The root directory that the first is in.")
    ] = None,
    to_root: Annotated[
        Path | None,
        typer.Option("--to-root", "--root", metavar="DIR", help="The root directory that the second is in."),
    ] = None,
    driven: Driven = False,
    page: Annotated[
        Path | None,
        typer.Option(
            "--page", metavar="FILE", help="Write a page to look at, too: the file is replaced, and asks for nothing."
        ),
    ] = None,
    socket: Socket = None,
    settings: Settings = None,
    quiet: Quiet = False,
    form: FormOption = None,
    json: Json = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print all that changes, and what of it the domain uses.")
    ] = False,
) -> None:
    """For each domain: whether it starts on the new QEMU, whether a guest that runs migrates there and back, what the
    guest would see change, what is deprecated, gone or default otherwise, and a change of the XML that helps, where one
    is known: each was tried before it is told. All is rehearsed, stopped and confined.

    Exit code: 0 all start and migrate both ways; 3 one does not; 4 of one nothing can be said; 2 one cannot be read;
    5 no confinement is to be had, or a QEMU gave no answer.

    With `--page` the same is a page as well, which holds the XML of the domains, without passwords.

    Example: `prober upgrade /etc/libvirt/qemu --from /usr/bin/qemu-system-x86_64 --to /srv/debian-13`
    """
    output.hush(answer=quiet, words=quiet)
    from prober.cli.migrating import Journey
    from prober.cli.upgrading import run_upgrade

    journey = Journey(source, destination, from_root, to_root, settings, socket)
    form = chosen(form, as_json=json)
    raise typer.Exit(run_upgrade(domains, journey, driven=driven, form=form, verbose=verbose, page=page))
