"""The service as a process: socket, catalog and HTTP server brought up in this order and taken down in reverse."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, NamedTuple

import prober
from prober.capabilities.catalog import Catalog, Interviewer
from prober.capabilities.compact import give_back_memory
from prober.errors import ProberError
from prober.service.app import create_app
from prober.service.application import Application
from prober.service.door import Door, open_door
from prober.service.late import Late
from prober.service.metrics.lag import watch_lag
from prober.service.metrics.serving import serve_metrics
from prober.service.metrics.sources import samples_of_catalog, samples_of_logs, samples_of_workers
from prober.service.metrics.tally import Tally
from prober.service.notify import Watched, keep_watchdog_quiet, notify
from prober.service.peers import Admitted, find_admins
from prober.service.reloading import Reloader
from prober.service.reread import keep_reloading
from prober.service.routes import ROUTES
from prober.service.serving import Serving
from prober.service.settings import ServiceSettings
from prober.service.signals import reload_event, stop_event
from prober.service.sockets import Listeners, listening_sockets
from prober.service.workers.interviews import Interviews
from prober.service.workers.pool import WorkerPool, pool_settings
from prober.service.workers.start import Nursery

log = logging.getLogger(__name__)

#: How long (seconds) requests may go on when the service is told to stop; with the rest this stays within a second.
_GRACE = 0.3

#: When the collector looks for what refers to itself (:func:`gc.set_threshold`): at the youngest after so many more
#: objects, and at two lots of these at once, which takes a few milliseconds.  At all there are it looks hardly ever: of
#: thousands of connections that takes a tenth of a second, and nothing of theirs refers to itself once they have gone.
_COLLECT_AFTER = (2_000, 2, 1_000)

#: How long (seconds) after the last of the first interviews the rest is done: whoever waited for an interview shall not
#: wait for this.
_REST_AFTER = 0.5

#: malloc.h
_M_ARENA_MAX = -8


async def serve(
    settings: ServiceSettings,
    *,
    interviewer: Interviewer | None = None,
    on_ready: Callable[[Catalog], Awaitable[None]] | None = None,
    load: Callable[[], ServiceSettings] | None = None,
    nursery: Nursery | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, and return.  SIGHUP has ``load`` read the settings anew
    (:mod:`prober.service.reloading`), where it is given.

    Ready (and systemd told so) is when the socket listens, every binary is found and the cache is read; interviews
    that are missing have begun then.  ``on_ready`` is awaited beside the serving and cancelled at its end.  The workers
    come from ``nursery``, which is closed by whoever made it; without one it is started when it is first wanted.

    :raise ServiceError: where the socket cannot be had, or there is no such ``admin_group``.
    """
    with stop_event() as stop, reload_event() as reload:
        admins = await asyncio.to_thread(find_admins, settings.admin_group)
        own = Nursery.spawn()
        sockets = listening_sockets(settings)
        listeners = await asyncio.to_thread(sockets.__enter__)
        try:
            tally, asked = Tally(ROUTES), Interviews(nursery or own)
            async with Catalog(
                settings.catalog, interviewer=interviewer, interviewers=asked.by, reader=asked.read, observer=tally
            ) as catalog:
                pool = WorkerPool(nursery or own, pool_settings(settings))
                tally.add_source(partial(samples_of_catalog, catalog))
                tally.add_source(samples_of_logs)
                tally.add_source(lambda: samples_of_workers(pool.settings.workers, pool.figures))
                late = Late(catalog, settings, pool, load)
                try:
                    await _serve_on(listeners, catalog, late, admins, _Events(stop, reload, on_ready, load), tally)
                finally:
                    await late.close()
        finally:
            await asyncio.to_thread(own.close)
            await asyncio.to_thread(sockets.__exit__, None, None, None)


class _Events(NamedTuple):
    """What happens to a service from outside, and what is then called."""

    stop: asyncio.Event
    reload: asyncio.Event
    on_ready: Callable[[Catalog], Awaitable[None]] | None
    load: Callable[[], ServiceSettings] | None


async def _serve_on(
    listeners: Listeners, catalog: Catalog, late: Late, admins: Admitted, events: _Events, tally: Tally
) -> None:
    settings = late.settings
    if settings.host is not None:
        await late.read_host()  # What somebody wrote and is wrong ends the service before anybody relies on it.
    application = create_app(catalog, late, admins=admins, tally=tally)
    async with (
        _http_server(application, listeners.api, settings, tally) as (serving, door),
        serve_metrics(listeners.metrics, settings, tally, _GRACE),
    ):
        works: list[Awaitable[None]] = [
            keep_watchdog_quiet(Watched("the catalog", catalog.is_alive), Watched("the workers", late.is_alive)),
            _load_rest(catalog, late),
            watch_lag(tally),
        ]
        if events.load is not None:
            reloader = Reloader(settings, events.load, catalog=catalog, late=late, serving=serving)
            works.append(keep_reloading(events.reload, reloader.reload))
        if events.on_ready is not None:
            works.append(events.on_ready(catalog))
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
            if listeners.is_kept:
                await door.close()
                await serving.finish(_GRACE)
            # Before connections are closed: who waits for an interview or a proof is told that this is closing.
            await catalog.close()
            await late.close()
    for result in results:
        if isinstance(result, Exception):
            raise result


def _use_one_heap() -> None:
    """glibc gives threads heaps of their own: for a few helpers of one loop that is 4 MiB for nothing."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_ARENA_MAX, 1)


def _settle_memory() -> None:
    """What is loaded now stays for the life of the service, and the collector need not walk it again and again.

    It is not tidied up first: that would hold the event loop for longer than anybody should wait.
    """
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


async def _load_rest(catalog: Catalog, late: Late) -> None:
    """Once all binaries are known, start the workers before anyone asks, and tidy up what lies about.

    Not at once: it takes a quarter of a second of the time in which interviews are read.
    """
    await catalog.settled()
    await asyncio.sleep(_REST_AFTER)
    with suppress(ProberError, OSError):  # Whoever asks for a translation is told; where no descriptor is left, later.
        await late.load()
    _settle_memory()
    await asyncio.to_thread(give_back_memory)


@asynccontextmanager
async def _http_server(
    app: Application, listener: socket.socket, settings: ServiceSettings, tally: Tally
) -> AsyncIterator[tuple[Serving, Door]]:
    """Serve on the socket meanwhile; at the end no connection and no request is left."""
    serving = Serving(app, settings, tally)
    try:
        async with open_door(serving, listener) as door:
            yield serving, door
    finally:
        await serving.end(_GRACE)


def _loop_factory() -> Callable[[], Any]:
    """uvloop's own; in tests one that tells which callbacks take long."""
    import uvloop

    if "PROBER_LOOP_CPU" not in os.environ:
        return uvloop.new_event_loop
    from prober.service.measured import MeasuredLoop

    return MeasuredLoop


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
    _settle_memory()  # Before the nursery is forked: what the collector does not touch stays shared.
    nursery = Nursery.fork()  # before there is a thread
    try:
        uvloop.run(serve(settings, on_ready=on_ready, load=load, nursery=nursery), loop_factory=_loop_factory())
    finally:
        nursery.close()
