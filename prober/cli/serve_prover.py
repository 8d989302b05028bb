"""``prober serve-prover``: what proves lines for a service that is confined in another way."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from prober.cli.options import Binaries, Directories
from prober.service.logs.start import start_logging
from prober.service.prover.process import run_proofs
from prober.service.settings import ServiceSettings


def serve_prover_command(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="Settings in TOML. [default: /etc/prober/prober.toml, if it is there]"
        ),
    ] = None,
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
    catalog: dict[str, Any] = {"cache_dir": cache, "directories": directory or None, "paths": binary or None}
    catalog = {name: value for name, value in catalog.items() if value is not None}
    if directory:
        catalog["qemu_kvm"] = None
    told = {"catalog": catalog} | ({} if socket is None else {"prover_socket": socket})
    start_logging(logging.INFO)
    run_proofs(ServiceSettings.load(config, told), for_user)
