"""``prober prove``: a QEMU started with a command line, confined and stopped, and what it makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from prober.cli import output
from prober.cli.answerer import Answerer
from prober.cli.argv import read_argv
from prober.cli.choosing import choose
from prober.cli.config_files import expand_words
from prober.cli.exits import ExitCode
from prober.cli.forms.write import chosen, write_form
from prober.cli.options import (
    Anyway,
    Assume,
    Binary,
    Form,
    FormOption,
    Json,
    Quiet,
    Replies,
    Root,
    Socket,
    Strict,
    Whole,
)
from prober.cli.proof import exit_of, format_proof


def prove_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- QEMU OPTION...]",
            help="The command line, binary first, after `--`. Without it, or for -, a shell command line or "
            "libvirt's .args file is read from stdin. Its first word is never run: --binary says which QEMU is.",
        ),
    ] = None,
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    root: Root = None,
    anyway: Anyway = False,
    whole: Whole = False,
    assume_unknown_present: Assume = False,
    strict: Strict = False,
    quiet: Quiet = False,
    form: FormOption = None,
    json: Json = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print what stood in for what, and the grounds of each finding.")
    ] = False,
) -> None:
    """The line is checked first, and one without errors is started: confined, stopped (nothing of the guest ever runs),
    and with stand-ins for what only its host has. Then each value that it gave is read back from the live QEMU.

    Exit code: 0 proven, whole or in part; 3 refused, by the check or by QEMU; 4 not provable, or with `--whole` proven
    in part; 2 where the command line cannot be read, or a recording is to prove it; 5 no confinement is to be had, or
    QEMU gave no verdict.

    Example: `prober prove --binary /usr/bin/qemu-system-x86_64 -- qemu-system-x86_64 -device e1000,bus=pci.0`
    """
    output.hush(answer=quiet, words=quiet)
    code = run_prove(
        choose(socket, binary, replies, root=root),
        words or [],
        form=chosen(form, as_json=json),
        anyway=anyway,
        whole=whole,
        assume_unknown_present=assume_unknown_present,
        verbose=verbose,
        strict=strict,
    )
    raise typer.Exit(code)


def run_prove(
    answerer: Answerer,
    words: Sequence[str],
    *,
    form: Form,
    anyway: bool,
    whole: bool,
    assume_unknown_present: bool,
    verbose: bool,
    strict: bool = False,
) -> ExitCode:
    """Print the verdict; without words, or for ``-``, on the shell command line on stdin.

    ``strict`` refuses a proof with notes; those are of domains, and a command line by itself has none.

    :raise UsageError: where stdin has no command line, or a recording is asked.
    """
    given = read_argv(words)
    expanded = expand_words(given)
    proof = answerer.prove(expanded.words, anyway=anyway, assume_unknown_present=assume_unknown_present)
    proof = expanded.put_back(proof)
    code = ExitCode.refused if strict and proof["notes"] else exit_of(proof, whole=whole)
    if form is Form.json:
        output.write_json(proof)
    elif form is Form.text:
        for line in format_proof(proof, verbose=verbose):
            output.write(line)
    else:
        from prober.cli.forms.lines import report_proof

        write_form(report_proof(given, proof, passed=code is ExitCode.ok), form)
    return code
