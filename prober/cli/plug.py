"""``prober plug``: devices plugged into a machine that stands, and what QEMU makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from prober.cli import output
from prober.cli.answerer import Answerer
from prober.cli.argv import read_argv
from prober.cli.choosing import choose
from prober.cli.exits import ExitCode
from prober.cli.options import Anyway, Assume, Binary, Json, Quiet, Replies, Root, Socket, Whole
from prober.cli.plugged import exit_of_plug, format_plug


def plug_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- QEMU OPTION...]",
            help="The command line, binary first, after `--`. Without it, or for -, a shell command line or "
            "libvirt's .args file is read from stdin. Its first word is never run: --binary says which QEMU is.",
        ),
    ] = None,
    qmp: Annotated[
        list[str] | None,
        typer.Option("--qmp", metavar="JSON", help="A QMP command that plugs something in. Repeatable, in this order."),
    ] = None,
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    root: Root = None,
    anyway: Anyway = False,
    whole: Whole = False,
    assume_unknown_present: Assume = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print what stood in for what, and the grounds of each finding.")
    ] = False,
) -> None:
    """The line is started as `prober prove` starts it: confined, stopped, with stand-ins for what only its host has.
    Then the commands are sent in turn, what came of them is read back, and all is taken out again, as far as that needs
    no guest. A QEMU that dies of a command is told with its signal: the guest would have died as well.

    Exit code: 0 rehearsed, whole or in part; 3 refused, by QEMU or by the check; 4 not provable, or with `--whole`
    rehearsed in part; 2 where something cannot be read, or a recording is to rehearse; 5 no confinement is to be had,
    or QEMU did not answer.

    Example: `prober plug --binary /usr/bin/qemu-system-x86_64 --qmp
    '{"execute":"device_add","arguments":{"driver":"virtio-rng-pci","id":"rng1"}}' -- qemu-system-x86_64 -machine pc`
    """
    output.hush(answer=quiet, words=quiet)
    code = run_plug(
        choose(socket, binary, replies, root=root),
        words or [],
        qmp or [],
        as_json=json,
        anyway=anyway,
        whole=whole,
        assume_unknown_present=assume_unknown_present,
        verbose=verbose,
    )
    raise typer.Exit(code)


def run_plug(
    answerer: Answerer,
    words: Sequence[str],
    commands: Sequence[str],
    *,
    as_json: bool,
    anyway: bool,
    whole: bool,
    assume_unknown_present: bool,
    verbose: bool,
) -> ExitCode:
    """Print what came of it; without words, or for ``-``, with the shell command line on stdin.

    :raise UsageError: where a command is none, stdin has no command line, or a recording is asked.
    """
    told = answerer.plug(read_argv(words), list(commands), anyway=anyway, assume_unknown_present=assume_unknown_present)
    if as_json:
        output.write_json(told)
    else:
        for line in format_plug(told, verbose=verbose):
            output.write(line)
    return exit_of_plug(told, whole=whole)
