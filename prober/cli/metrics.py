"""``prober metrics``: what a running service counts of itself, for people and for node-exporter."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from prober.cli import output
from prober.cli.choosing import choose_socket
from prober.cli.options import AgentStatusFile, Socket
from prober.errors import FleetError, ServiceError, UsageError
from prober.fleet.agent.place import DEFAULT_STATUS
from prober.service.client import Client
from prober.service.routes import METRICS

#: node-exporter reads the files of this name in its directory, and runs as another user.
_END, _MODE = ".prom", 0o644

#: A service that is alive answers in milliseconds (seconds).
_TIMEOUT_S = 20.0


def metrics_command(
    socket: Socket = None,
    textfile: Annotated[
        Path | None,
        typer.Option(
            "--textfile",
            metavar="FILE",
            help="Write them to this file, whose name ends in .prom, for node-exporter's textfile collector.",
        ),
    ] = None,
    agent_status: AgentStatusFile = DEFAULT_STATUS,
) -> None:
    """The service has the same under `GET /metrics`, but for what the agent of a fleet counts, where one runs. A file
    is replaced as a whole, so that a reader sees the old one or the new one; where the service does not answer, it
    stays as it is.

    Example: `prober metrics --textfile /var/lib/prometheus/node-exporter/prober.prom`
    """
    if textfile is not None and textfile.suffix != _END:
        raise UsageError(f"{textfile} does not end in {_END}", hint="node-exporter reads no other file")
    text = _fetch(choose_socket(socket)) + _of_agent(agent_status)
    if textfile is None:
        output.write(text.decode().removesuffix("\n"))
    else:
        write_textfile(textfile, text)


def _fetch(socket: Path) -> bytes:
    with Client(socket, timeout=_TIMEOUT_S) as client:
        status, text = client.fetch(METRICS.path)
    if status != 200:
        raise ServiceError(
            f"the service on {socket} has no metrics: it answered {status}", hint="is it an older prober?"
        )
    return text


def _of_agent(path: Path) -> bytes:
    """What the agent counts; nothing where there is none, or nobody can read what it says."""
    if not path.exists():
        return b""
    from prober.fleet.agent.metrics import as_metrics  # Imported late: most hosts have no agent.
    from prober.fleet.agent.status import read_status

    try:
        status = read_status(path)
    except FleetError as error:
        output.note(f"prober: left out: {error}")
        return b""
    return b"" if status is None else as_metrics(status).encode()


def write_textfile(path: Path, text: bytes) -> None:
    """Replace a file by one with this text, which everybody may read.  On any failure the file that was there stays.

    :raise ServiceError: where it cannot be written.
    """
    temporary = None
    try:
        # Another ending, or node-exporter would read it while it is being written.
        fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with os.fdopen(fd, "wb") as file:
            file.write(text)
            os.fchmod(file.fileno(), _MODE)
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        hint = "" if path.parent.is_dir() else f"make the directory {path.parent}, where node-exporter looks"
        raise ServiceError(f"cannot write {path}: {error.strerror}", hint=hint) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()
