"""A listener for Prometheus alone: ``/metrics``, and nothing else."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prober.service.application import Application
from prober.service.door import open_door
from prober.service.metrics.scraping import Scraping
from prober.service.metrics.tally import Tally
from prober.service.peers import NOBODY
from prober.service.routes import METRICS
from prober.service.serving import Serving
from prober.service.settings import ServiceSettings

log = logging.getLogger(__name__)

#: How many may be connected, which whoever is on this host may be.
_MOST = 32


@asynccontextmanager
async def serve_metrics(
    listener: socket.socket | None, settings: ServiceSettings, tally: Tally, grace: float
) -> AsyncIterator[None]:
    """Serve on this socket meanwhile, where there is one; at the end, after ``grace`` seconds, nobody is connected.

    What holds of a head and of times is as for all clients.
    """
    if listener is None:
        yield
        return
    application = Application(
        (METRICS,), {METRICS.name: Scraping(tally).answer}, NOBODY, tally, hint=f"nothing but {METRICS.path} is here"
    )
    few = settings.model_copy(update={"max_connections": min(_MOST, settings.max_connections)})
    serving = Serving(application, few, tally, listener="metrics")
    address = _address(listener)
    log.info("metrics on %s", address, extra={"fields": {"event": "metrics", "address": address}})
    try:
        async with open_door(serving, listener):
            yield
    finally:
        await serving.end(grace)


def _address(listener: socket.socket) -> str:
    """Where it listens, as it is asked for."""
    name = listener.getsockname()
    return f"{name[0]}:{name[1]}" if isinstance(name, tuple) else str(name)
