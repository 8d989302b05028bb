"""``prober serve``: the service in the foreground, and a word on what it found."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from prober.capabilities.catalog import Catalog
from prober.capabilities.entry import Entry
from prober.cli import output
from prober.cli.options import Binaries, Directories, Fallbacks, Served, Settings
from prober.cli.served import AccelServed, AdminGroup, Cache, Config, Group, Listen, ProverSocket, settings_told
from prober.errors import ProberError, ServiceError
from prober.service.configuration import load_settings
from prober.service.logs.start import start_logging
from prober.service.server import run as run_service
from prober.service.settings import ServiceSettings

#: Where the project keeps an example of a domain; a command to try is printed for it where it is there.
_EXAMPLE = Path("fixtures/domains/example.xml")
_FACT = "PIIX4_PM.acpi-root-pci-hotplug"
#: What both are about.
_TARGET = "x86_64"


def serve_command(
    config: Config = None,
    settings: Settings = None,
    socket: Listen = None,
    group: Group = None,
    cache: Cache = None,
    directory: Directories = None,
    binary: Binaries = None,
    replies: Served = None,
    fallback_replies: Fallbacks = None,
    accel: AccelServed = None,
    admin_group: AdminGroup = None,
    prover_socket: ProverSocket = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not print what is served.")] = False,
) -> None:
    """Only binaries that it finds, or that are named here, can be asked for; a client can never make it run another
    program. SIGINT and SIGTERM end it, SIGHUP has it read its settings anew (where it has no terminal). What is given
    here stands over the environment (`PROBER_SOCKET`), and that over the file; `prober config` tells what holds.

    Example: `prober serve --socket run/prober.sock --cache run/cache`
    """
    told = settings_told(
        settings=settings,
        socket=socket,
        group=group,
        admin_group=admin_group,
        prover_socket=prover_socket,
        cache=cache,
        directory=directory,
        binary=binary,
        replies=replies,
        fallback_replies=fallback_replies,
        accel=accel,
    )
    run_serve(config, told, quiet=quiet)


def run_serve(config: Path | None, overrides: dict[str, Any], *, quiet: bool) -> None:
    """Serve until SIGINT or SIGTERM.

    Unless ``quiet`` (or started by systemd, which has its own way to be told), what is served is printed as soon as
    every binary is known, and two commands to try.

    :raise ServiceError: where the settings are wrong or the socket cannot be had.
    """
    load = partial(load_settings, config, overrides)
    settings = load()
    in_words = not quiet and "NOTIFY_SOCKET" not in os.environ
    start_logging(logging.WARNING if in_words and not settings.log_requests else logging.INFO)
    if not in_words:
        run_service(settings, load=load)
        return
    try:
        settings.socket.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServiceError(f"cannot make the directory {settings.socket.parent}: {error.strerror}") from error

    async def announce(catalog: Catalog) -> None:
        with output.ProgressLine() as progress:
            entries = catalog.entries()
            progress.show(
                f"interviewing {sum(entry.state != 'ready' for entry in entries)} of {len(entries)} binaries …"
            )
            await catalog.settled()
        await asyncio.to_thread(_say, catalog.entries(), settings)

    run_service(settings, on_ready=announce, load=load)


def _say(entries: list[Entry], settings: ServiceSettings) -> None:
    # To stderr, which nobody has to read: a service does not end because its word was not wanted.
    output.note("\n".join(describe_served(entries, settings)))


def describe_served(entries: list[Entry], settings: ServiceSettings) -> Iterator[str]:
    """What is served, in lines: each binary, how long it took, and two commands to try."""
    yield f"prober serves on {settings.socket}:"
    if not any(entry.kind == "binary" for entry in entries):
        yield "  no QEMU was found on this host" + (", so recordings stand in for some:" if entries else "")
    for entry in entries:
        yield f"  {entry.id:<28} {_state(entry)}"
        if entry.crashing_types:
            yield f"  {'':<28} these types kill it when they are asked: {', '.join(sorted(entry.crashing_types))}"
    ready = [entry for entry in entries if entry.state == "ready" and _TARGET in entry.targets]
    if ready:
        yield ""
        yield "Try from a second terminal:"
        yield from (f"  {command}" for command in commands_to_try(ready, settings))
    yield ""
    yield "Ctrl-C ends it."


def _state(entry: Entry) -> str:
    if entry.state == "failed":
        return f"failed: {entry.error}" + (f" ({entry.hint})" if entry.hint else "")
    took = f"{entry.seconds or 0:.2f} s"
    match entry.source:
        case "interview":
            how = f"interviewed in {took}"
        case "cache":
            how = f"known from the cache (interviewed in {took})"
        case _:
            how = f"a recording, read in {took}"
    return f"QEMU {entry.version}, {', '.join(entry.targets)}, {how}"


def commands_to_try(entries: list[Entry], settings: ServiceSettings) -> Iterator[str]:
    """Commands that work as they stand, in the directory where the service was started."""
    prober, socket = _own_name(), shlex.quote(str(settings.socket))
    yield f"{prober} supports --socket {socket} {_FACT}"
    try:
        # Imported late: the service is ready before its translator is loaded.
        from prober.translate.read import read_domain

        emulator = read_domain(_EXAMPLE.read_bytes()).emulator
    except (OSError, ProberError):
        yield f"{prober} show --socket {socket}"
        return
    if any(emulator in (entry.path, *entry.aliases) for entry in entries):
        yield f"{prober} translate --socket {socket} {_EXAMPLE}"
    else:
        # The example is for a binary that is not here; any other may stand in for it.
        yield f"{prober} translate --socket {socket} --binary {entries[-1].id} {_EXAMPLE}"


def _own_name() -> str:
    """How this command was called, relative to here where it is below."""
    program = Path(sys.argv[0]).absolute()
    return str(program.relative_to(Path.cwd())) if program.is_relative_to(Path.cwd()) else program.name
