"""A reader over TCP: it speaks TLS there, and lets in whose certificate has a name on its list."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from prober.service.door import open_door
from prober.service.serving import Serving
from prober.service.settings import FleetSettings
from prober.service.tls.connection import TlsConnection
from prober.service.tls.context import server_context
from prober.service.tls.gate import Gate, strangers_let_go
from prober.service.tls.names import AllowList

log = logging.getLogger(__name__)


@asynccontextmanager
async def serve_tcp(
    listener: socket.socket | None, serving: Serving, settings: FleetSettings
) -> AsyncIterator[Gate | None]:
    """Serve on this socket meanwhile, where there is one.

    :raise ServiceError: where the certificates cannot be used.
    """
    if listener is None:
        yield None
        return
    gate = Gate(serving, await asyncio.to_thread(context_of, settings), AllowList(settings.allow))
    async with strangers_let_go(gate), open_door(serving, listener, partial(TlsConnection, gate)):
        fields = {"event": "tls", "address": settings.listen, "allowed": len(settings.allow)}
        log.info("%d clients may ask at %s", len(settings.allow), settings.listen, extra={"fields": fields})
        yield gate


def context_of(settings: FleetSettings) -> ssl.SSLContext:
    """The certificates and the key, as their files are now.  Blocks.

    :raise ServiceError: where one cannot be used.
    """
    # Where there is an address, the settings have both.
    return server_context(settings.cert or Path(), settings.key, settings.ca or Path())


async def adopt_tcp(gate: Gate | None, settings: FleetSettings) -> None:
    """Go on by other certificates and another list.

    :raise ServiceError: where a file cannot be used; all is as it was then.
    """
    if gate is not None and settings.listen is not None:
        gate.adopt(await asyncio.to_thread(context_of, settings), AllowList(settings.allow))
