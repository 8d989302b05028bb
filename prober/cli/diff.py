"""``prober diff``: what an upgrade from one QEMU to another brings and takes away."""

from __future__ import annotations

from typing import Annotated

import typer

from prober.capabilities.diff import diff
from prober.cli import output
from prober.cli.answerer import Answerer
from prober.cli.choosing import choose_either
from prober.cli.difference import header_lines, write_difference
from prober.cli.exits import ExitCode
from prober.cli.knowledge import capabilities_of
from prober.cli.options import Json, Socket


def diff_command(
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
    """A name with a slash, or of a file that is here, is a file: a program is interviewed now, any other file is read
    as a recording. `qemu-7.2` is the recording that comes along; any other name is an id of the service. With
    `--socket`, that service is asked first for each.

    Exit code: 0, whether anything differs or not; with `--for`, 3 where B refuses the domain.

    Example: `prober diff qemu-7.2.replies.xz /usr/bin/qemu-system-x86_64 --for vm.xml`
    """
    raise typer.Exit(run_diff(choose_either(a, socket), choose_either(b, socket), domain, summary, as_json=json))


def run_diff(a: Answerer, b: Answerer, path: str | None, summary: bool, *, as_json: bool) -> ExitCode:
    """Print the difference; with the ``path`` of a domain, the part of it that the domain uses.

    :raise UnreadableDomainError: where the file cannot be read, or is no domain XML at all.
    """
    if path is not None:
        # Imported late: reading and translating a domain takes as long to import as all the rest.
        from prober.cli.diff_for import run_for

        return run_for(a, b, path, summary, as_json=as_json)
    difference = diff(capabilities_of(a), capabilities_of(b))
    if as_json:
        output.write_json(difference.model_dump(mode="json"))
    else:
        write_difference(header_lines(a, b, difference), difference, summary)
    return ExitCode.ok
