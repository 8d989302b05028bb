"""``prober check-argv``: what a QEMU would make of a command line, before it is started."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from prober.cli import output
from prober.cli.answerer import Answerer
from prober.cli.argv import read_argv
from prober.cli.choosing import choose
from prober.cli.exits import ExitCode
from prober.cli.options import Assume, Binary, Json, Quiet, Replies, Socket
from prober.cli.supports import format_grounds


def check_argv_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- QEMU OPTION...]",
            help="The command line, binary first, after `--`. Without it, or for -, a shell command line or "
            "libvirt's .args file is read from stdin.",
        ),
    ] = None,
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    assume_unknown_present: Assume = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print the grounds of each finding.")] = False,
) -> None:
    """Each finding is a line, `WORD: -flag part: kind: message (hint)`. WORD counts the words of the command line from
    0, the binary. The kinds: error, QEMU would refuse; ignored, QEMU would not do it; deprecated; unknown, the QEMU
    cannot tell.

    Against a service without `--binary`, the command line's first word says which of its binaries it is for.

    Exit code: 0 where nothing is of kind error or ignored; 3 where something is; 2 where the command line cannot be
    read.

    Example: `prober check-argv --binary /usr/bin/qemu-system-x86_64 -- qemu-system-x86_64 -device e1000,mak=x`
    """
    output.hush(answer=quiet, words=quiet)
    code = run_check_argv(
        choose(socket, binary, replies),
        words or [],
        as_json=json,
        assume_unknown_present=assume_unknown_present,
        verbose=verbose,
    )
    raise typer.Exit(code)


def run_check_argv(
    answerer: Answerer, words: Sequence[str], *, as_json: bool, assume_unknown_present: bool, verbose: bool
) -> ExitCode:
    """Print each finding; without words, or for ``-``, of the shell command line on stdin.

    :raise UsageError: where stdin has no command line.
    """
    report = answerer.check_argv(read_argv(words), assume_unknown_present=assume_unknown_present)
    if as_json:
        output.write_json(report)
    else:
        for line in format_report(report, verbose=verbose):
            output.write(line)
        output.note(
            f"checked: {'nothing' if report['clean'] else 'something'} stands against it; `prober prove` starts it"
        )
    return ExitCode.ok if report["clean"] else ExitCode.refused


def format_report(report: dict[str, Any], *, verbose: bool = False) -> Iterator[str]:
    """The findings in lines, ``WORD: -flag part: kind: message (hint)``; ``verbose`` adds the grounds of each.

    >>> finding = {"position": 3, "flag": "-device", "part": "mak", "kind": "error", "message": "no mak", "hint": ""}
    >>> list(format_report({"findings": [finding], "left_off": 0}))
    ['3: -device mak: error: no mak']
    """
    for finding in report["findings"]:
        where = " ".join(word for word in (finding["flag"] or "(disk image)", finding["part"]) if word)
        hint = f" ({finding['hint']})" if finding["hint"] else ""
        yield f"{finding['position']}: {where}: {finding['kind']}: {finding['message']}{hint}"
        if verbose and finding["evidence"]:
            yield from format_grounds(finding["evidence"])
    if report["left_off"]:
        yield f"… and {report['left_off']} more"
