"""A reader as a process: socket, store and HTTP server brought up in this order and taken down in reverse."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

import prober
from prober.errors import ProberError
from prober.fleet.known import Fleet
from prober.fleet.pulses import SILENT_S, Pulses
from prober.fleet.reader import StoreReader
from prober.fleet.store.open import open_store
from prober.fleet.store.protocol import Store
from prober.service.changes import changes_between
from prober.service.door import open_door
from prober.service.fleet.handlers import FleetHandlers, create_fleet_app
from prober.service.fleet.lanes import Lanes
from prober.service.fleet.over_tcp import adopt_tcp, serve_tcp
from prober.service.fleet.replies import FleetChangeLog
from prober.service.fleet.routes import ROUTES
from prober.service.metrics.lag import watch_lag
from prober.service.metrics.sources import samples_of_logs
from prober.service.metrics.tally import Tally
from prober.service.notify import Watched, keep_watchdog_quiet, notify
from prober.service.reread import keep_reloading, tell_as_they_were, tell_reloaded
from prober.service.serving import Serving
from prober.service.settings import ServiceSettings
from prober.service.signals import reload_event, stop_event
from prober.service.sockets import listening_socket
from prober.service.tls.gate import Gate
from prober.service.tls.listening import tcp_listener

log = logging.getLogger(__name__)

#: Where a reader listens unless it is told otherwise.
DEFAULT_SOCKET = Path("/run/prober-fleet/reader.sock")

#: How long (seconds) requests may go on when the reader is told to stop.
_GRACE = 0.3

#: How long (seconds) a thread may go on before another has its turn: the event loop shall not wait for a translation
#: longer than that.  Python's own is 5 ms.
_TURN_S = 0.001

#: What a running reader cannot change.
_FIXED = ("fleet.listen", "max_body")


#: What a reader heeds of the settings.
_HEEDED = (
    "max_body", "max_head", "max_connections", "request_s", "idle_s", "response_s", "log_requests", "fleet",
)  # fmt: skip


class ReaderSettings(BaseModel):
    """What a reader is told.

    ``store`` is its address and ``credentials`` the file of who reads it, ``silent_s`` after how many seconds without a
    heartbeat a host is silent.  ``group`` is that of the socket, whose members may ask.  ``told`` is what the settings
    of this host say: the limits of clients are heeded, and who may ask over TCP.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    store: str
    credentials: Path | None = None
    socket: Path = DEFAULT_SOCKET
    group: str | None = None
    silent_s: float = Field(default=SILENT_S, gt=0)
    told: ServiceSettings = ServiceSettings()

    def of_service(self) -> ServiceSettings:
        """What holds of clients, as for the service."""
        heeded = {name: getattr(self.told, name) for name in _HEEDED}
        return ServiceSettings(socket=self.socket, group=self.group, **heeded)


async def serve_reader(
    settings: ReaderSettings,
    *,
    on_ready: Callable[[], Awaitable[None]] | None = None,
    load: Callable[[], ReaderSettings] | None = None,
) -> None:
    """Follow a store and answer until SIGTERM or SIGINT, and return.  SIGHUP has ``load`` read the settings anew, where
    it is given: limits of clients, certificates, and who may ask over TCP.

    Ready (and systemd told so) is when the socket listens; questions are refused (503) until all that the store has is
    known.  A store that is away at first is waited for.  ``on_ready`` is awaited beside the serving.

    :raise ServiceError: where a socket cannot be had, or a certificate cannot be used.
    :raise StoreError: where the store's address, file or credentials are not as they have to be.
    """
    with stop_event() as stop, reload_event() as reload:
        sockets = _listening(settings.of_service())
        listeners = await asyncio.to_thread(sockets.__enter__)
        try:
            store = await open_store(settings.store, settings.credentials)
            try:
                await _serve_on(listeners, store, settings, _Events(stop, reload, on_ready, load))
            finally:
                await store.close()
        finally:
            await asyncio.to_thread(sockets.__exit__, None, None, None)


class _Events(NamedTuple):
    """What happens to a reader from outside, and what is then called."""

    stop: asyncio.Event
    reload: asyncio.Event
    on_ready: Callable[[], Awaitable[None]] | None
    load: Callable[[], ReaderSettings] | None


@contextmanager
def _listening(told: ServiceSettings) -> Iterator[tuple[socket.socket, socket.socket | None]]:
    """The socket of its own, and that of TCP where it is to have one."""
    with listening_socket(told) as own, tcp_listener(told.fleet.listen) as tcp:
        yield own, tcp


async def _serve_on(
    listeners: tuple[socket.socket, socket.socket | None], store: Store, settings: ReaderSettings, events: _Events
) -> None:
    fleet, changes, tally = Fleet(), FleetChangeLog(), Tally(ROUTES, kinds=("tls",))
    reader = StoreReader(store, fleet, pulses=Pulses(fleet, settings.silent_s), told=changes.add)
    lanes = Lanes(reader)
    told = settings.of_service()
    tally.add_source(samples_of_logs)
    app = create_fleet_app(FleetHandlers(reader, lanes, changes, tally, told.max_body), tally)
    serving = Serving(app, told, tally, listener="fleet")
    reading = asyncio.ensure_future(reader.run())
    stopping = asyncio.ensure_future(events.stop.wait())
    companions = [reading, stopping]
    try:
        async with open_door(serving, listeners[0]), serve_tcp(listeners[1], serving, told.fleet) as gate:
            works: list[Awaitable[None]] = [
                keep_watchdog_quiet(Watched("the reading of the store", lambda: not reading.done())),
                watch_lag(tally),
                _tell_caught_up(reader),
            ]
            if events.load is not None:
                works.append(keep_reloading(events.reload, partial(_reload, settings, events.load, serving, gate)))
            if events.on_ready is not None:
                works.append(events.on_ready())
            companions += [asyncio.ensure_future(work) for work in works]
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


async def _reload(
    settings: ReaderSettings, load: Callable[[], ReaderSettings], serving: Serving, gate: Gate | None
) -> str:
    """Read the settings and the certificates, and go on by them.  Returns what is to be told of it, in a sentence."""
    before = serving.settings
    try:
        read = (await asyncio.to_thread(load)).of_service()
        await adopt_tcp(gate, read.fleet)
    except ProberError as error:
        return tell_as_they_were(error)
    changed = changes_between(before, read)
    fleet = read.fleet.model_copy(update={"listen": before.fleet.listen})
    serving.settings = read.model_copy(update={"fleet": fleet, "max_body": before.max_body})
    said = "The certificates were read anew" if gate else "Following the store"
    fixed = [name for name in changed if name in _FIXED]
    return tell_reloaded(said, [name for name in changed if name not in _FIXED], fixed)


async def _tell_caught_up(reader: StoreReader) -> None:
    await reader.caught_up.wait()
    fleet = reader.fleet
    notify(f"STATUS=Following {len(fleet.hosts)} hosts with {len(fleet.builds)} builds")
    log.info("all that the store has is known: %d hosts, %d builds", len(fleet.hosts), len(fleet.builds))


def run_reader(settings: ReaderSettings, load: Callable[[], ReaderSettings] | None = None) -> None:
    """:func:`serve_reader` on an event loop of its own, for a process that does nothing else.

    :raise ServiceError: where a socket cannot be had, or a certificate cannot be used.
    :raise StoreError: where the store cannot be opened.
    """
    import uvloop

    sys.setswitchinterval(_TURN_S)
    uvloop.run(serve_reader(settings, load=load))
