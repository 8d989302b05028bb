"""``prober check-argv``: what a QEMU would make of a command line, before it is started."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import typer

from prober.cli import output
from prober.cli.answerer import Answerer
from prober.cli.argv import Lines, read_command_lines, read_process
from prober.cli.choosing import choose
from prober.cli.config_files import expand_words
from prober.cli.exits import ExitCode
from prober.cli.forms.write import chosen, write_form
from prober.cli.options import Assume, Binary, Form, FormOption, Json, Quiet, Replies, Socket
from prober.cli.supporting import format_grounds
from prober.commandline.written import places
from prober.errors import UsageError


def check_argv_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE | -- QEMU OPTION...]",
            help="The command line, binary first, after `--`; or a file that has some: libvirt's .args, a shell "
            "script, a systemd unit. Without any, or for -, stdin is read as such a file.",
        ),
    ] = None,
    pid: Annotated[
        int | None, typer.Option("--pid", metavar="PID", min=1, help="The command line of this running QEMU.")
    ] = None,
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    assume_unknown_present: Assume = False,
    quiet: Quiet = False,
    form: FormOption = None,
    json: Json = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print the rule and the grounds of each finding.")
    ] = False,
) -> None:
    """Each finding is a line, `WORD: -flag part: kind: message (hint)`. WORD counts the words of the command line from
    0, the binary; of a file it is `FILE:LINE:COLUMN`. The kinds: error, QEMU would refuse; ignored, QEMU would not do
    it; deprecated; unknown, the QEMU cannot tell.

    Against a service without `--binary`, the command line's first word says which of its binaries it is for.

    Exit code: 0 where nothing is of kind error or ignored; 3 where something is; 2 where the command line cannot be
    read.

    Example: `prober check-argv --binary /usr/bin/qemu-system-x86_64 -- qemu-system-x86_64 -device e1000,mak=x`
    """
    output.hush(answer=quiet, words=quiet)
    if pid is not None and words:
        raise UsageError("--pid goes without a command line", hint="the kernel tells that of the process")
    given = read_process(pid) if pid is not None else read_command_lines(words or [])
    asked = ArgvAsked(assume_unknown_present, chosen(form, as_json=json), verbose)
    raise typer.Exit(run_check_argv(choose(socket, binary, replies), given, asked))


class ArgvAsked(NamedTuple):
    """How it is asked, and how it is told."""

    assume_unknown_present: bool = False
    form: Form = Form.text
    verbose: bool = False


def run_check_argv(answerer: Answerer, given: list[str] | Lines, asked: ArgvAsked) -> ExitCode:
    """Print each finding: by the number of its word, or of a file by line and column."""
    assume = asked.assume_unknown_present
    if isinstance(given, Lines):
        reports = [_ask(answerer, line.argv, assume) for line in given.lines]
        _tell_lines(given, reports, asked)
    else:
        reports = [_ask(answerer, given, assume)]
        if asked.form is Form.json:
            output.write_json(reports[0])
        elif asked.form is Form.text:
            for line in format_report(reports[0], verbose=asked.verbose):
                output.write(line)
    clean = all(report["clean"] for report in reports)
    if asked.form not in (Form.text, Form.json):
        from prober.cli.forms.lines import report_check

        write_form(report_check(given, reports), asked.form)
    if asked.form is Form.text:
        output.note(f"checked: {'nothing' if clean else 'something'} stands against it; `prober prove` starts it")
    return ExitCode.ok if clean else ExitCode.refused


def _ask(answerer: Answerer, words: list[str], assume: bool) -> dict[str, Any]:
    """The report, with what the files of the command line say."""
    expanded = expand_words(words)
    report: dict[str, Any] = expanded.put_back(answerer.check_argv(expanded.words, assume_unknown_present=assume))
    return report


def _tell_lines(given: Lines, reports: list[dict[str, Any]], asked: ArgvAsked) -> None:
    """The reports of a file's command lines, each finding with its place in the file."""
    told = []
    place = places(given.lines[0].text)  # All of them are of one text.
    for line, report in zip(given.lines, reports, strict=True):
        for finding in report["findings"]:
            at = line.find(finding["position"], finding["part"], place)
            finding |= {"line": at.line, "column": at.column}
        begins = place(line.words[0].start)
        left_out = [word.unknown for word in line.left_out]
        told.append({"line": begins.line, "argv": line.argv, "left_out": left_out, **report})
        if left_out and asked.form is not Form.json:
            output.note(f"{given.name}:{begins.line}: without what its caller adds (${', $'.join(left_out)})")
        if asked.form is Form.text:
            for words in format_report(report, verbose=asked.verbose, name=given.name):
                output.write(words)
    if asked.form is Form.json:
        output.write_json({"file": given.name, "lines": told})


def format_report(report: dict[str, Any], *, verbose: bool = False, name: str = "") -> Iterator[str]:
    """The findings in lines, ``WORD: -flag part: kind: message (hint)``; ``verbose`` adds rule and grounds of each.

    With the ``name`` of a file ``FILE:LINE:COLUMN`` stands for the word.

    >>> finding = {"position": 3, "flag": "-device", "part": "mak", "kind": "error", "message": "no mak", "hint": ""}
    >>> list(format_report({"findings": [finding], "left_off": 0}))
    ['3: -device mak: error: no mak']
    """
    for finding in report["findings"]:
        where = " ".join(word for word in (finding["flag"] or "(disk image)", finding["part"]) if word)
        hint = f" ({finding['hint']})" if finding["hint"] else ""
        at = f"{name}:{finding['line']}:{finding['column']}" if name else finding["position"]
        yield f"{at}: {where}: {finding['kind']}: {finding['message']}{hint}"
        if verbose and finding["evidence"]:
            yield from format_grounds(finding["evidence"])
        if verbose and finding.get("rule"):
            yield f"  rule      {finding['rule']}"
    if report["left_off"]:
        yield f"… and {report['left_off']} more"
