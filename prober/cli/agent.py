"""``prober agent``: reports this host to the store of its fleet."""

from __future__ import annotations

import asyncio
import logging
import socket as sockets
from functools import partial
from pathlib import Path
from typing import Annotated, cast

import typer

from prober.cli.fleet.labels import read_labels
from prober.cli.options import Socket
from prober.errors import UsageError
from prober.fleet.agent.agent import Agent, AgentSettings
from prober.fleet.agent.health import AgentHealth
from prober.fleet.agent.identity import read_identity
from prober.fleet.agent.status import write_status
from prober.fleet.store.open import open_store
from prober.fleet.store.protocol import Reporting
from prober.service.local_host import ServiceHost
from prober.service.logs.start import start_logging
from prober.service.notify import keep_watchdog_quiet, notify
from prober.service.settings import DEFAULT_SOCKET
from prober.service.signals import stop_event


def agent_command(
    store: Annotated[
        str,
        typer.Option(
            "--store",
            metavar="URL",
            envvar="PROBER_FLEET_STORE",
            help="The servers of the store: nats://HOST:PORT[,…], or tls://….",
        ),
    ],
    socket: Socket = None,
    credentials: Annotated[
        Path | None,
        typer.Option(
            "--credentials",
            metavar="FILE",
            envvar="PROBER_FLEET_CREDENTIALS",
            help="The file of this host's key, an NKey's seed or .creds; only its user may read it.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="HOST",
            envvar="PROBER_FLEET_NAME",
            help="What this host is called in the fleet. [default: the machine's name]",
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            metavar="LABEL=VALUE",
            envvar="PROBER_FLEET_LABELS",
            help="A label of the host. Repeatable; in the environment with blanks between.",
        ),
    ] = None,
    beat: Annotated[
        float, typer.Option("--beat", metavar="SECONDS", min=0.1, max=3600, help="Say so often that it is there.")
    ] = AgentSettings.beat_s,
    lease: Annotated[
        float,
        typer.Option(
            "--lease",
            metavar="SECONDS",
            min=10,
            max=86400,
            help="Another host may have the name when this one has been silent for so long.",
        ),
    ] = AgentSettings.lease_s,
    status: Annotated[
        Path | None,
        typer.Option(
            "--status",
            metavar="FILE",
            envvar="PROBER_AGENT_STATUS",
            help="Keep in this file how it is, for `prober doctor` and `prober metrics`.",
        ),
    ] = None,
) -> None:
    """It asks the service of this host and starts no QEMU. The host's record is written when what the service knows has
    changed, and a build or a variant where the store has none. Where the store or the service is away it tries again.
    SIGINT and SIGTERM end it.

    Example: `prober agent --store nats://fleet-1:4222 --credentials /etc/prober/fleet.seed --label rack=7`
    """
    if store.partition(":")[0] not in ("nats", "tls"):
        raise UsageError(f"{store[:80]!r}: hosts report over NATS", hint="--store nats://HOST:PORT, or tls://HOST:PORT")
    settings = AgentSettings(
        name or sockets.gethostname(), read_labels(label or []), name is None, beat_s=beat, lease_s=lease
    )
    start_logging(logging.INFO)
    asyncio.run(_report(store, credentials, socket or DEFAULT_SOCKET, settings, status))


async def _report(
    url: str, credentials: Path | None, socket: Path, settings: AgentSettings, status: Path | None
) -> None:
    store = cast(Reporting, await open_store(url, credentials))
    try:
        health = AgentHealth(settings.name, settings.beat_s, partial(write_status, status) if status else None)
        holder = await asyncio.to_thread(read_identity)
        reporting = asyncio.ensure_future(Agent(store, ServiceHost(socket), settings, holder, health).run())
        quiet = asyncio.ensure_future(keep_watchdog_quiet())
        with stop_event() as stop:
            stopping = asyncio.ensure_future(stop.wait())
            # It is ready though the store is away: it has begun to try.
            notify("READY=1")
            await asyncio.wait([reporting, stopping], return_when=asyncio.FIRST_COMPLETED)
            notify("STOPPING=1")
            for task in (reporting, quiet, stopping):
                task.cancel()
            ended = await asyncio.gather(reporting, quiet, stopping, return_exceptions=True)
        if isinstance(ended[0], Exception):
            raise ended[0]
    finally:
        await store.close()
        if status is not None:
            await asyncio.to_thread(status.unlink, missing_ok=True)
