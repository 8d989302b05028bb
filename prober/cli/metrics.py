"""``prober metrics``: what a running service counts of itself, for people and for node-exporter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prober.cli import output
from prober.cli.choosing import choose_socket
from prober.cli.options import AgentStatusFile, Socket
from prober.cli.replacing import replace_file
from prober.errors import FleetError, ServiceError, UsageError
from prober.fleet.agent.place import DEFAULT_STATUS
from prober.service.client import Client
from prober.service.routes import METRICS

#: node-exporter reads the files of this name in its directory.
_END = ".prom"

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
        replace_file(textfile, text, reader="node-exporter")


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
