"""The service as a process: socket, catalog and HTTP server brought up in this order and taken down in reverse."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import NamedTuple

import prober
from prober.capabilities.catalog import Catalog, Interviewer
from prober.capabilities.compact import give_back_memory
from prober.errors import ProberError
from prober.service.app import create_app, create_metrics_app
from prober.service.application import Application
from prober.service.door import open_door
from prober.service.late import Late
from prober.service.metrics.lag import watch_lag
from prober.service.metrics.sources import samples_of_catalog, samples_of_logs
from prober.service.metrics.tally import Tally
from prober.service.notify import Watched, keep_watchdog_quiet, notify
from prober.service.peers import Admitted, find_admins
from prober.service.reloading import Reloader
from prober.service.routes import ROUTES
from prober.service.serving import Serving
from prober.service.settings import ServiceSettings
from prober.service.signals import reload_event, stop_event
from prober.service.sockets import Listeners, listening_sockets

log = logging.getLogger(__name__)

#: How long (seconds) requests may go on when the service is told to stop; with the rest this stays within a second.
_GRACE = 0.3

#: So many more objects (with references to others) before the youngest are looked at.
_COLLECT_AFTER = 20_000

#: How long (seconds) after the last of the first interviews the rest is done: whoever waited for an interview shall not
#: wait for this.
_REST_AFTER = 0.5

#: How many may be connected to the socket for ``/metrics``, which whoever is on this host may use.
_MOST_SCRAPERS = 32

#: malloc.h
_M_ARENA_MAX = -8


async def serve(
    settings: ServiceSettings,
    *,
    interviewer: Interviewer | None = None,
    on_ready: Callable[[Catalog], Awaitable[None]] | None = None,
    load: Callable[[], ServiceSettings] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, and return.  SIGHUP has ``load`` read the settings anew
    (:mod:`prober.service.reloading`), where it is given.

    Ready (and systemd told so) is when the socket listens, every binary is found and the cache is read; interviews
    that are missing have begun then.  ``on_ready`` is awaited beside the serving and cancelled at its end.

    :raise ServiceError: where the socket cannot be had, or there is no such ``admin_group``.
    """
    with stop_event() as stop, reload_event() as reload:
        admins = await asyncio.to_thread(find_admins, settings.admin_group)
        sockets = listening_sockets(settings)
        listeners = await asyncio.to_thread(sockets.__enter__)
        try:
            _settle_memory()
            tally = Tally(ROUTES)
            async with Catalog(settings.catalog, interviewer=interviewer, observer=tally) as catalog:
                events = _Events(stop, reload, on_ready, load)
                await _serve_on(listeners, catalog, settings, admins, events, tally)
        finally:
            await asyncio.to_thread(sockets.__exit__, None, None, None)


class _Events(NamedTuple):
    """What happens to a service from outside, and what is then called."""

    stop: asyncio.Event
    reload: asyncio.Event
    on_ready: Callable[[Catalog], Awaitable[None]] | None
    load: Callable[[], ServiceSettings] | None


async def _serve_on(
    listeners: Listeners,
    catalog: Catalog,
    settings: ServiceSettings,
    admins: Admitted,
    events: _Events,
    tally: Tally,
) -> None:
    tally.add_source(partial(samples_of_catalog, catalog))
    tally.add_source(samples_of_logs)
    late = Late(catalog, settings, events.load)
    if settings.host is not None:
        await late.read_host()  # What somebody wrote and is wrong ends the service before anybody relies on it.
    app = create_app(catalog, settings, late, admins=admins, tally=tally)
    async with (
        _http_server(app, listeners.api, settings, tally) as serving,
        _metrics_server(listeners.metrics, settings, tally),
    ):
        works = [
            keep_watchdog_quiet(Watched("the catalog", catalog.is_alive)),
            _load_rest(catalog, late),
            watch_lag(tally),
        ]
        if events.load is not None:
            reloader = Reloader(settings, events.load, catalog=catalog, late=late, serving=serving)
            works.append(reloader.keep_reloading(events.reload))
        if events.on_ready is not None:
            works.append(_await(events.on_ready(catalog)))
        companions = [asyncio.ensure_future(work) for work in works]
        notify(f"READY=1\nSTATUS=Serving {len(catalog.entries())} binaries")
        count = len(catalog.entries())
        fields = {"event": "ready", "socket": settings.socket, "binaries": count, "version": prober.__version__}
        log.info("ready on %s with %d binaries", settings.socket, count, extra={"fields": fields})
        try:
            await events.stop.wait()
        finally:
            notify("STOPPING=1")
            for companion in companions:
                companion.cancel()
            results = await asyncio.gather(*companions, return_exceptions=True)
            # First of all: those who wait for an interview or a proof get their answer, that this is closing.
            await catalog.close()
            await late.close()
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _await(work: Awaitable[None]) -> None:
    await work


def _use_one_heap() -> None:
    """glibc gives threads heaps of their own: for a few helpers of one loop that is 4 MiB for nothing."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_ARENA_MAX, 1)


def _settle_memory() -> None:
    """What is loaded now stays for the life of the service, and the collector need not walk it again and again.

    Not during an interview, of which a part would never be freed.
    """
    gc.collect()
    gc.freeze()
    # A translation makes and drops thousands of objects; at Python's own 700 the collector took half of its time.
    gc.set_threshold(_COLLECT_AFTER, 10, 10)


async def _load_rest(catalog: Catalog, late: Late) -> None:
    """Once all binaries are known, import the translator before anyone asks, and tidy up what lies about.

    Not at once: it takes a quarter of a second of the time in which interviews are read.
    """
    await catalog.settled()
    await asyncio.sleep(_REST_AFTER)
    with suppress(OSError):  # No descriptor is left: whoever asks first imports it.
        await late.load()
    with suppress(ProberError, OSError):  # Whoever asks for a translation is told.
        await late.read_host()
    _settle_memory()
    await asyncio.to_thread(give_back_memory)


@asynccontextmanager
async def _http_server(
    app: Application, listener: socket.socket, settings: ServiceSettings, tally: Tally
) -> AsyncIterator[Serving]:
    """Serve on the socket meanwhile; at the end no connection and no request is left."""
    serving = Serving(app, settings, tally)
    try:
        async with open_door(serving, listener):
            yield serving
    finally:
        await serving.end(_GRACE)


@asynccontextmanager
async def _metrics_server(
    listener: socket.socket | None, settings: ServiceSettings, tally: Tally
) -> AsyncIterator[None]:
    """The same for ``/metrics`` alone, where there is a socket for that."""
    if listener is None:
        yield
        return
    few = settings.model_copy(update={"max_connections": min(_MOST_SCRAPERS, settings.max_connections)})
    serving = Serving(create_metrics_app(tally), few, tally, listener="metrics")
    log.info("metrics on %s", _address(listener), extra={"fields": {"event": "metrics", "address": _address(listener)}})
    try:
        async with open_door(serving, listener):
            yield
    finally:
        await serving.end(_GRACE)


def _address(listener: socket.socket) -> str:
    """Where it listens, as it is asked for."""
    name = listener.getsockname()
    return f"{name[0]}:{name[1]}" if isinstance(name, tuple) else str(name)


def run(
    settings: ServiceSettings,
    *,
    on_ready: Callable[[Catalog], Awaitable[None]] | None = None,
    load: Callable[[], ServiceSettings] | None = None,
) -> None:
    """:func:`serve` on an event loop of its own, for a process that does nothing else.

    :raise ServiceError: where the socket cannot be had.
    """
    import uvloop

    _use_one_heap()
    uvloop.run(serve(settings, on_ready=on_ready, load=load))
