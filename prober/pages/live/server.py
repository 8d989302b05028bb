"""The page's server as a process: a port of the loopback, and whoever asks the service."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from prober.errors import ServiceError
from prober.pages.live.asking import UiService
from prober.pages.live.callers import CallerConnection
from prober.pages.live.guard import UiGuard
from prober.pages.live.handlers import UiApplication, UiHandlers
from prober.pages.live.routes import UI_ROUTES
from prober.service.door import open_door
from prober.service.metrics.tally import Tally
from prober.service.serving import Serving
from prober.service.settings import ServiceSettings
from prober.service.signals import stop_event
from prober.service.sockets import BACKLOG

#: How long (seconds) requests may go on at the end, and how many may be connected: of who has more than half of them,
#: one has to make room for somebody else.
_GRACE, _MOST = 0.3, 64

LOOPBACK = "127.0.0.1"


class UiSettings(NamedTuple):
    """What it is told: the service's socket, its own port (0: any that is free), and the domains of the matrix."""

    socket: Path
    port: int = 0
    domains: Sequence[tuple[str, bytes]] = ()
    title: str = "prober"


async def serve_ui(settings: UiSettings, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT.  ``on_ready`` is called with the address, which has the token.

    :raise ServiceError: where the port cannot be had, or there is no service.
    """
    with stop_event() as stop, _listen(settings.port) as listener:
        port = listener.getsockname()[1]
        asking = UiService(settings.socket, settings.domains, settings.title)
        await asking.entries()  # Whoever opens a page shall not be told only then.
        guard, tally = UiGuard(port), Tally(UI_ROUTES)
        application = UiApplication(UiHandlers(asking, guard, settings.title), guard, tally)
        serving = Serving(application, ServiceSettings(max_connections=_MOST), tally, listener="ui")
        try:
            async with open_door(serving, listener, partial(CallerConnection, serving)):
                on_ready(f"http://{LOOPBACK}:{port}/#token={guard.token}")
                await stop.wait()
        finally:
            await serving.end(_GRACE)


def _listen(port: int) -> socket.socket:
    """A socket of the loopback alone."""
    try:
        listener = socket.create_server((LOOPBACK, port), backlog=BACKLOG)
    except OSError as error:
        hint = "--port names another; 0 takes any that is free"
        raise ServiceError(f"cannot listen on {LOOPBACK}:{port}: {error.strerror}", hint=hint) from error
    listener.setblocking(False)
    return listener


def run_ui(settings: UiSettings, on_ready: Callable[[str], None]) -> None:
    """:func:`serve_ui` on an event loop of its own, for a process that does nothing else.

    :raise ServiceError: where the port cannot be had, or there is no service.
    """
    import uvloop

    uvloop.run(serve_ui(settings, on_ready))
