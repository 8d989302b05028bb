"""The commands, their options and their help; and how every error ends.

Only declarations are here: what a command does is imported when it is called.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from prober.cli import explore, output
from prober.cli.exits import ExitCode, exit_code
from prober.cli.options import Accel, AccelOption, Assume, Binary, Fact, Format, Json, Replies, Root, Settings, Socket
from prober.errors import ProberError

app = typer.Typer(
    name="prober",
    help="""Ask QEMU binaries what they can do, and turn libvirt domain XML into command lines that they accept.

    Three places can answer: a running service (`--socket`), a QEMU binary that is asked here and now
    (`--binary`), and a recording of an earlier interview (`--replies`). Without any of the
    three, the service on /run/prober/prober.sock is asked, or else the one on run/prober.sock.

    Exit codes: 0 done, or present; 1 absent; 2 wrong usage or unreadable input; 3 the domain is refused, or the
    command line has faults; 4 unknown; 5 QEMU or the service failed.""",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        output.write(f"prober {version('qemu-prober')}")
        raise typer.Exit


@app.callback()
def prober(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """The options of the command itself; its help stands above."""


@app.command()
def serve(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="Settings in TOML. [default: /etc/prober/prober.toml, if it is there]"
        ),
    ] = None,
    settings: Settings = None,
    socket: Annotated[
        Path | None,
        typer.Option("--socket", metavar="PATH", help="Listen on this unix socket. [default: /run/prober/prober.sock]"),
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", metavar="NAME", help="The group whose members may use the socket.")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="DIR", help="Keep answers in this directory. [default: /var/cache/prober]"),
    ] = None,
    directory: Annotated[
        list[Path] | None,
        typer.Option(
            "--directory",
            metavar="DIR",
            help="Look for qemu-system-* here, and not where they usually are. Repeatable.",
        ),
    ] = None,
    binary: Annotated[
        list[Path] | None,
        typer.Option("--binary", metavar="QEMU", help="Serve this binary too, whatever its name. Repeatable."),
    ] = None,
    replies: Annotated[
        list[Path] | None,
        typer.Option("--replies", metavar="PATH", help="Serve this recording, or directory of them, too. Repeatable."),
    ] = None,
    fallback_replies: Annotated[
        list[Path] | None,
        typer.Option("--fallback-replies", metavar="PATH", help="Serve these where no QEMU is found. Repeatable."),
    ] = None,
    accel: Annotated[
        Accel | None, typer.Option("--accel", help="auto: with KVM where it can be had; tcg: without.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not print what is served.")] = False,
) -> None:
    """Run the service in the foreground: it answers for the QEMU binaries of this host, over HTTP on a unix socket.

    Only binaries that it finds, or that are named here, can be asked for; a client can never make it run another
    program. SIGINT and SIGTERM end it. What is given here stands over the settings in the file.

    Example: `prober serve --socket run/prober.sock --cache run/cache`
    """
    from prober.cli import serve as command

    catalog: dict[str, object] = {
        "cache_dir": cache,
        "directories": directory or None,
        "paths": binary or None,
        "recordings": replies or None,
        "fallback_recordings": fallback_replies or None,
        "accel": accel and accel.value,
    }
    catalog = {key: value for key, value in catalog.items() if value is not None}
    if directory:
        catalog["qemu_kvm"] = None
    told = {"socket": socket, "group": group, "host": settings}
    overrides = {key: value for key, value in told.items() if value is not None}
    command.run(config, {**overrides, "catalog": catalog}, quiet=quiet)


@app.command()
def probe(
    binaries: Annotated[
        list[str] | None,
        typer.Argument(metavar="[BINARY]...", help="QEMU binaries; without any, all that are found on this host."),
    ] = None,
    accel: AccelOption = Accel.auto,
    root: Root = None,
    json: Json = False,
) -> None:
    """Interview QEMU binaries here and now, and print a summary of each and how long it took.

    Nothing is read from a cache or written to one. Exit code: 5 where a binary could not be interviewed; the others
    are printed all the same.

    Example: `prober probe /usr/bin/qemu-system-x86_64`
    """
    from prober.cli import probe as command

    raise typer.Exit(command.run(binaries or [], accel=accel.value, root=root, as_json=json))


@app.command()
def record(
    binary: Annotated[str, typer.Argument(metavar="BINARY", help="The QEMU binary.")],
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The file; one that ends in .xz is compressed.")
    ],
    accel: AccelOption = Accel.auto,
    root: Root = None,
    json: Json = False,
) -> None:
    """Interview a QEMU binary and keep what it said, in the .replies form of libvirt's test suite.

    Every other command can be asked with the file (`--replies`) instead of the binary.

    Example: `prober record /usr/bin/qemu-system-x86_64 -o qemu.replies.xz`
    """
    from prober.cli import record as command

    command.run(binary, out, accel=accel.value, root=root, as_json=json)


explore.add_commands(app)


@app.command()
def supports(
    fact: Fact,
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    json: Json = False,
) -> None:
    """Say whether a QEMU has a type, property, machine, CPU model, QMP command or option, and on what grounds.

    Exit code: 0 present, 1 absent, 4 unknown (it was never asked, or asking killed QEMU).

    Example: `prober supports --binary /usr/bin/qemu-system-x86_64 PIIX4_PM.acpi-root-pci-hotplug`

    An option begins with a dash, so write `--` before it: `prober supports -- -overcommit.mem-lock`
    """
    from prober.cli import supports as command
    from prober.cli.source import choose

    raise typer.Exit(command.run(choose(socket, binary, replies), fact, as_json=json))


@app.command()
def translate(
    domain: Annotated[str, typer.Argument(metavar="VM.xml", help="A libvirt domain; - reads it from stdin.")],
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    form: Annotated[
        Format, typer.Option("--format", help="shell: one option a line; json: binary, argv, resources, hotplug.")
    ] = Format.shell,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    monitor: Annotated[
        str | None,
        typer.Option(
            "--monitor",
            metavar="SOCKET",
            help="Have QEMU speak QMP on this unix socket, for whoever watches over it. Without it QEMU is on its own.",
        ),
    ] = None,
    incoming: Annotated[
        str | None,
        typer.Option(
            "--incoming",
            metavar="URI",
            help="Take the state of a guest that ran before from here: defer, tcp:HOST:PORT, unix:PATH, file:PATH.",
        ),
    ] = None,
    settings: Settings = None,
    assume_unknown_present: Assume = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Say on stderr what the host must prepare, and who handles hot-plug."),
    ] = False,
) -> None:
    """Turn a libvirt domain into a QEMU command line that the QEMU is proven to accept, or say why not.

    Without `--binary`, the domain's `<emulator>` says which of the service's binaries it is for.

    Exit code: 0 translated; 3 refused, with each reason on stderr as `FILE:LINE: PATH: message`; 2 the XML or the
    recording cannot be read.

    Example: `prober translate --binary /usr/bin/qemu-system-x86_64 vm.xml`
    """
    from prober.cli import translate as command
    from prober.cli.source import choose

    as_json = json or form is Format.json
    code = command.run(
        choose(socket, binary, replies, settings),
        domain,
        as_json=as_json,
        monitor=monitor,
        incoming=incoming,
        assume_unknown_present=assume_unknown_present,
        verbose=verbose,
    )
    raise typer.Exit(code)


@app.command("check-argv", context_settings={"allow_interspersed_args": False})
def check_argv(
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
    json: Json = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print the grounds of each finding.")] = False,
) -> None:
    """Hold any QEMU command line against what a QEMU says of itself, option by option; QEMU is not started with it.

    Each finding is a line, `WORD: -flag part: kind: message (hint)`. WORD counts the words of the command line from
    0, the binary. The kinds: error, QEMU would refuse; ignored, QEMU would not do it; deprecated; unknown, the QEMU
    cannot tell.

    Against a service without `--binary`, the command line's first word says which of its binaries it is for.

    Exit code: 0 where nothing is of kind error or ignored; 3 where something is; 2 where the command line cannot be
    read.

    Example: `prober check-argv --binary /usr/bin/qemu-system-x86_64 -- qemu-system-x86_64 -device e1000,mak=x`
    """
    from prober.cli import check_argv as command
    from prober.cli.source import choose

    code = command.run(
        choose(socket, binary, replies),
        words or [],
        as_json=json,
        assume_unknown_present=assume_unknown_present,
        verbose=verbose,
    )
    raise typer.Exit(code)


@app.command()
def check(
    domain: Annotated[str, typer.Argument(metavar="VM.xml", help="A libvirt domain; - reads it from stdin.")],
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[QEMU]...", help="More to check against, as after --against.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option("--against", metavar="QEMU", help="A binary, a recording, or a directory of recordings."),
    ] = None,
    settings: Settings = None,
    assume_unknown_present: Assume = False,
    json: Json = False,
) -> None:
    """Say which of many QEMUs accept a libvirt domain, and why the others do not.

    A table of all, and below it each refusal once, with the versions that give it. The domain stands first.

    Exit code: 0 where all accept; 3 where one refuses; 2 the XML or a recording cannot be read; 5 where a QEMU
    could not be asked.

    Example: `prober check vm.xml --against /usr/bin/qemu-system-x86_64 fixtures/replies`
    """
    from prober.cli import check as command

    code = command.run(
        domain,
        [*(against or []), *(more or [])],
        as_json=json,
        settings=settings,
        assume_unknown_present=assume_unknown_present,
    )
    raise typer.Exit(code)


def main() -> None:
    """The entry point: run a command, and end with its exit code.

    An error ends with ``prober: message`` and ``hint: …`` on stderr, never with a traceback, unless the environment
    variable ``PROBER_DEBUG`` asks for one.

    :raise SystemExit: always.
    """
    try:
        app(prog_name="prober")
    except ProberError as error:
        if os.environ.get("PROBER_DEBUG"):
            raise
        output.complain(error.message, error.hint)
        raise SystemExit(exit_code(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(ExitCode.interrupted) from None
    except Exception as error:
        # The last net: an error that nobody foresaw is a mistake of ours, and still no reason for a traceback.
        if os.environ.get("PROBER_DEBUG"):
            raise
        output.complain(
            f"an error that was not foreseen: {type(error).__name__}: {error}",
            "this is a mistake in prober; PROBER_DEBUG=1 shows where it happened",
        )
        raise SystemExit(ExitCode.failed) from None
