"""``prober serve-prover``: what proves lines for a service that is confined in another way."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from prober.cli.options import Binaries, Directories
from prober.cli.served import Config, settings_told
from prober.service.configuration import load_settings
from prober.service.logs.start import start_logging
from prober.service.prover.process import run_proofs


def serve_prover_command(
    config: Config = None,
    socket: Annotated[
        Path | None,
        typer.Option(
            "--socket", metavar="PATH", help="Listen on this unix socket. [default: /run/prober-prover/prover.sock]"
        ),
    ] = None,
    for_user: Annotated[
        str | None,
        typer.Option("--for-user", metavar="NAME", help="The user that the service runs as. [default: our own]"),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="DIR", help="Keep proofs in this directory. [default: /var/cache/prober]"),
    ] = None,
    directory: Directories = None,
    binary: Binaries = None,
) -> None:
    """It is asked by `prober serve` alone, whose setting `prover_socket` names its socket; systemd starts it when that
    happens, and it ends when nobody has asked for a while. It starts only binaries that it finds by its own settings,
    the same as the service's. SIGINT and SIGTERM end it.

    Example: `prober serve-prover --socket run/prover.sock --cache run/cache`
    """
    told = settings_told(prover_socket=socket, cache=cache, directory=directory, binary=binary)
    start_logging(logging.INFO)
    run_proofs(load_settings(config, told), for_user)
