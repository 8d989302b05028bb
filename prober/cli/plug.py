"""``prober plug``: devices plugged into a machine that stands, and what QEMU makes of them."""

from __future__ import annotations

import shlex
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import typer

from prober.cli import output
from prober.cli.answerer import Answerer
from prober.cli.argv import read_argv
from prober.cli.choosing import choose
from prober.cli.exits import ExitCode
from prober.cli.files import read_xml_file, shown_name, with_place
from prober.cli.options import Anyway, Assume, Binary, Driven, Json, Quiet, Replies, Root, Settings, Socket, Whole
from prober.cli.plugged import format_plug
from prober.cli.turns import exit_code_of
from prober.errors import RefusedError, UnreadableDomainError, UsageError


class PlugFormat(StrEnum):
    """How the commands of devices are written."""

    qmp = "qmp"
    json = "json"
    shell = "shell"


class PlugWanted(NamedTuple):
    """How it is asked, and how the answer is told."""

    as_json: bool
    anyway: bool
    whole: bool
    assume_unknown_present: bool
    verbose: bool
    driven: bool = False
    form: PlugFormat | None = None


def plug_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VM.xml DEVICE.xml... | [-- QEMU OPTION...]",
            help="A libvirt domain and the devices that it is to get, as `virsh attach-device` takes them. With --qmp "
            "a command line, binary first, after `--`; without it, or for -, one is read from stdin.",
        ),
    ] = None,
    unplug: Annotated[
        list[str] | None,
        typer.Option("--unplug", metavar="ALIAS", help="Take this device of the domain out. Repeatable."),
    ] = None,
    qmp: Annotated[
        list[str] | None,
        typer.Option("--qmp", metavar="JSON", help="A QMP command that plugs something in. Repeatable, in this order."),
    ] = None,
    form: Annotated[
        PlugFormat | None,
        typer.Option(
            "--format",
            help="Start nothing, and print the commands that the devices come to: for QMP, one a line; as JSON, with "
            "what the host must prepare; or for a shell, by virsh.",
        ),
    ] = None,
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    root: Root = None,
    settings: Settings = None,
    driven: Driven = False,
    anyway: Anyway = False,
    whole: Whole = False,
    assume_unknown_present: Assume = False,
    quiet: Quiet = False,
    json: Json = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print what stood in for what, and the grounds of each finding.")
    ] = False,
) -> None:
    """A machine is started as `prober prove` starts it: confined, stopped, with stand-ins for what only its host has.
    Then the commands are sent in turn, what came of them is read back, and all is taken out again, as far as that needs
    no guest. A QEMU that dies of a command is told with its signal: the guest would have died as well. With a recording
    the devices are checked, and nothing is started.

    Exit code: 0 rehearsed, whole or in part, or checked; 3 refused, by QEMU or by the check; 4 not provable, or with
    `--whole` rehearsed in part; 2 where something cannot be read, or a recording is to rehearse a command line; 5 no
    confinement is to be had, or QEMU did not answer.

    Example: `prober plug --binary /usr/bin/qemu-system-x86_64 vm.xml disk.xml`
    """
    output.hush(answer=quiet, words=quiet)
    wanted = PlugWanted(json, anyway, whole, assume_unknown_present, verbose, driven, form)
    answerer = choose(socket, binary, replies, settings, root)
    if qmp:
        if unplug or form:
            raise UsageError("--unplug and --format are about a domain", hint="leave --qmp out")
        raise typer.Exit(run_plug_line(answerer, words or [], qmp, wanted))
    if not words or not (words[1:] or unplug):
        raise UsageError("there is nothing to plug in", hint="name a domain and a device, or commands with --qmp")
    raise typer.Exit(run_plug_devices(answerer, words[0], words[1:], unplug or [], wanted))


def run_plug_line(answerer: Answerer, words: list[str], commands: list[str], wanted: PlugWanted) -> ExitCode:
    """Print what came of commands; without words, or for ``-``, with the shell command line on stdin.

    :raise UsageError: where a command is none, stdin has no command line, or a recording is asked.
    """
    assume = wanted.assume_unknown_present
    told = answerer.plug(
        read_argv(words), commands, anyway=wanted.anyway, assume_unknown_present=assume, driven=wanted.driven
    )
    return _tell(told, wanted)


def run_plug_devices(
    answerer: Answerer, domain: str, devices: list[str], unplug: list[str], wanted: PlugWanted
) -> ExitCode:
    """Print what came of devices, or the commands that they come to; each refusal stands on stderr.

    :raise UnreadableDomainError: where a file cannot be read, or is no XML.
    """
    files = [domain, *devices]
    xml = [read_xml_file(path) for path in files]
    try:
        told = answerer.plug_devices(
            xml[0],
            xml[1:],
            unplug,
            rehearse=wanted.form is None,
            anyway=wanted.anyway,
            assume_unknown_present=wanted.assume_unknown_present,
            driven=wanted.driven,
        )
    except RefusedError as error:
        for refusal in error.refusals:
            output.tell(f"{shown_name(files[error.device])}:{refusal}")
        if wanted.as_json or wanted.form is PlugFormat.json:
            output.write_json({"refusals": [refusal.model_dump(mode="json") for refusal in error.refusals]})
        return ExitCode.refused
    except UnreadableDomainError as error:
        raise with_place(error, files[error.device]) from error
    if "verdict" in told:
        return _tell(told, wanted)
    _write_commands(told, wanted)
    output.note("checked against all that this QEMU says of itself; a QEMU (--binary) rehearses it")
    return ExitCode.ok


def _tell(told: dict[str, Any], wanted: PlugWanted) -> ExitCode:
    if wanted.as_json:
        output.write_json(told)
    else:
        for line in format_plug(told, verbose=wanted.verbose):
            output.write(output.visible(line))
    return exit_code_of(told["verdict"], whole=wanted.whole)


def _write_commands(told: dict[str, Any], wanted: PlugWanted) -> None:
    """The commands, one a line, or all as JSON."""
    if wanted.as_json or wanted.form is PlugFormat.json:
        output.write_json(told)
        return
    commands = [one for device in told["devices"] for one in device["commands"]]
    commands += [one for device in told["unplugged"] for one in device["out"]]
    for command in commands:
        text = output.one_line_json(command)
        if wanted.form is PlugFormat.shell:
            text = f"virsh qemu-monitor-command {shlex.quote(told['domain'])} {shlex.quote(text)}"
        output.write(text)
    for device in told["devices"] if wanted.verbose else []:
        for need in device["needs"]:
            where = f"command {need['command']} {need['key']}".rstrip()
            output.note(f"prepare {need['kind']} {need['name']}: {need['todo']} ({where})")
