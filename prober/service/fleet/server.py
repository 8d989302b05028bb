"""A reader as a process: socket, store and HTTP server brought up in this order and taken down in reverse."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

import prober
from prober.fleet.known import Fleet
from prober.fleet.pulses import SILENT_S, Pulses
from prober.fleet.reader import StoreReader
from prober.fleet.store.open import open_store
from prober.fleet.store.protocol import Store
from prober.service.door import open_door
from prober.service.fleet.handlers import FleetHandlers, create_fleet_app
from prober.service.fleet.lanes import Lanes
from prober.service.fleet.replies import FleetChangeLog
from prober.service.fleet.routes import ROUTES
from prober.service.metrics.lag import watch_lag
from prober.service.metrics.sources import samples_of_logs
from prober.service.metrics.tally import Tally
from prober.service.notify import Watched, keep_watchdog_quiet, notify
from prober.service.serving import Serving
from prober.service.settings import ServiceSettings
from prober.service.signals import stop_event
from prober.service.sockets import Listeners, listening_sockets

log = logging.getLogger(__name__)

#: Where a reader listens unless it is told otherwise.
DEFAULT_SOCKET = Path("/run/prober-fleet/reader.sock")

#: How long (seconds) requests may go on when the reader is told to stop.
_GRACE = 0.3

#: How long (seconds) a thread may go on before another has its turn: the event loop shall not wait for a translation
#: longer than that.  Python's own is 5 ms.
_TURN_S = 0.001


class ReaderSettings(BaseModel):
    """What a reader is told.

    ``store`` is its address and ``credentials`` the file of who reads it, ``silent_s`` after how many seconds without a
    heartbeat a host is silent.  ``group`` is that of the socket, whose members may ask.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    store: str
    credentials: Path | None = None
    socket: Path = DEFAULT_SOCKET
    group: str | None = None
    silent_s: float = Field(default=SILENT_S, gt=0)

    def of_service(self) -> ServiceSettings:
        """What holds of clients, as for the service."""
        return ServiceSettings(socket=self.socket, group=self.group)


async def serve_reader(settings: ReaderSettings, *, on_ready: Callable[[], Awaitable[None]] | None = None) -> None:
    """Follow a store and answer until SIGTERM or SIGINT, and return.

    Ready (and systemd told so) is when the socket listens; questions are refused (503) until all that the store has is
    known.  A store that is away at first is waited for.  ``on_ready`` is awaited beside the serving.

    :raise ServiceError: where the socket cannot be had.
    :raise StoreError: where the store's address, file or credentials are not as they have to be.
    """
    told = settings.of_service()
    with stop_event() as stop:
        sockets = listening_sockets(told)
        listeners = await asyncio.to_thread(sockets.__enter__)
        try:
            store = await open_store(settings.store, settings.credentials)
            try:
                await _serve_on(listeners, store, settings, stop, on_ready)
            finally:
                await store.close()
        finally:
            await asyncio.to_thread(sockets.__exit__, None, None, None)


async def _serve_on(
    listeners: Listeners,
    store: Store,
    settings: ReaderSettings,
    stop: asyncio.Event,
    on_ready: Callable[[], Awaitable[None]] | None,
) -> None:
    fleet, changes, tally = Fleet(), FleetChangeLog(), Tally(ROUTES)
    reader = StoreReader(store, fleet, pulses=Pulses(fleet, settings.silent_s), told=changes.add)
    lanes = Lanes(reader)
    told = settings.of_service()
    tally.add_source(samples_of_logs)
    app = create_fleet_app(FleetHandlers(reader, lanes, changes, tally, told.max_body), tally)
    serving = Serving(app, told, tally, listener="fleet")
    reading = asyncio.ensure_future(reader.run())
    works: list[Awaitable[None]] = [
        keep_watchdog_quiet(Watched("the reading of the store", lambda: not reading.done())),
        watch_lag(tally),
        _tell_caught_up(reader),
    ]
    stopping = asyncio.ensure_future(stop.wait())
    companions = [reading, stopping]
    try:
        async with open_door(serving, listeners.api):
            companions += [asyncio.ensure_future(work) for work in works]
            if on_ready is not None:
                companions.append(asyncio.ensure_future(on_ready()))
            notify("READY=1\nSTATUS=Reading what the store has")
            fields = {"event": "ready", "socket": told.socket, "version": prober.__version__}
            log.info("the reader of a fleet listens on %s", told.socket, extra={"fields": fields})
            # The reading has no end: where it has one, that is a mistake, and it is raised.
            await asyncio.wait((stopping, reading), return_when=asyncio.FIRST_COMPLETED)
    finally:
        notify("STOPPING=1")
        changes.close()
        await serving.end(_GRACE)
        await lanes.close()
        for companion in companions:
            companion.cancel()
        results = await asyncio.gather(*companions, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _tell_caught_up(reader: StoreReader) -> None:
    await reader.caught_up.wait()
    fleet = reader.fleet
    notify(f"STATUS=Following {len(fleet.hosts)} hosts with {len(fleet.builds)} builds")
    log.info("all that the store has is known: %d hosts, %d builds", len(fleet.hosts), len(fleet.builds))


def run_reader(settings: ReaderSettings) -> None:
    """:func:`serve_reader` on an event loop of its own, for a process that does nothing else.

    :raise ServiceError: where the socket cannot be had.
    :raise StoreError: where the store cannot be opened.
    """
    import uvloop

    sys.setswitchinterval(_TURN_S)
    uvloop.run(serve_reader(settings))
