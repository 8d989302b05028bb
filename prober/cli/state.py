"""``prober state``: the state of a guest, kept in a file and tried on another host."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prober.cli import output
from prober.cli.options import Assume, DomainFile, Driven, Json, Quiet, Root, Settings, Socket, Whole

_Binary = Annotated[
    str,
    typer.Option(
        "--binary",
        metavar="QEMU",
        help="A QEMU of this host, or with --root in another system's tree; or an id of a service.",
    ),
]


def state_save_command(
    domain: DomainFile,
    binary: _Binary,
    file: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where the state is kept.")],
    root: Root = None,
    driven: Driven = False,
    socket: Socket = None,
    settings: Settings = None,
    assume_unknown_present: Assume = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """The guest never runs. The file holds what QEMU sends of it (compressed, with a checksum, at most 8 MiB), the
    domain without its secrets, and what its guest sees of the machine.

    Exit code: 0 kept; 3 refused, by the check or by QEMU; 4 not provable; 2 the domain cannot be read; 5 the file
    cannot be written, or QEMU gave no answer.

    Example: `prober state save vm.xml --binary /usr/bin/qemu-system-x86_64 -o vm.state`
    """
    output.hush(answer=quiet, words=quiet)
    from prober.cli.stating import Stated, run_save

    stated = Stated(binary, root, settings, socket, assume_unknown_present=assume_unknown_present)
    raise typer.Exit(run_save(domain, stated, file, driven=driven, as_json=json))


def state_load_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `prober state save` made.")],
    binary: _Binary,
    root: Root = None,
    socket: Socket = None,
    settings: Settings = None,
    whole: Whole = False,
    assume_unknown_present: Assume = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print all that changes, and what stood in for what.")
    ] = False,
) -> None:
    """A file may have been made up by anybody, so it is taken in bubblewrap's box alone, and never where the check
    refuses the domain.

    Exit code: 0 rehearsed, whole or in part; 3 refused, or the file is damaged; 4 nothing can be said, or with
    `--whole` rehearsed in part; 2 there is no such file, or no such QEMU; 5 there is no bubblewrap, or QEMU gave no
    answer.

    Example: `prober state load vm.state --binary /usr/bin/qemu-system-x86_64`
    """
    output.hush(answer=quiet, words=quiet)
    from prober.cli.stating import Stated, run_load

    stated = Stated(binary, root, settings, socket, assume_unknown_present=assume_unknown_present)
    raise typer.Exit(run_load(file, stated, as_json=json, verbose=verbose, whole=whole))
