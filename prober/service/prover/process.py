"""The prover's process: its socket, from systemd or of its own making, and its end when nobody asks any more."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from contextlib import suppress

from prober.capabilities.private import require_private
from prober.errors import QemuError, ServiceError
from prober.qemu.box.find import find_box
from prober.service.notify import keep_watchdog_quiet, notify
from prober.service.peers import Admitted, user_id
from prober.service.prover.choose import make_own_judge
from prober.service.prover.serving import Proofs
from prober.service.settings import ServiceSettings
from prober.service.signals import stop_event
from prober.service.sockets import listening_socket

log = logging.getLogger(__name__)

#: How long (seconds) what is under way may go on to tell of its end.
_GRACE = 0.3

#: How long (seconds) one who has connected just now may take to be seen.
_LAST_LOOK = 0.05


async def serve_proofs(settings: ServiceSettings, asker: str | None) -> None:
    """Prove lines until SIGTERM or SIGINT, or until nobody has asked for a while where systemd has the socket.

    It is for root, for our own user, and for the user called ``asker``: the one that the service runs as.

    :raise ServiceError: where the socket cannot be had, there is no such user, or others can write to the directory
        where proofs are kept.
    """
    if settings.prover_socket is None:
        raise ServiceError("no socket is named for the prover", hint="name one with --socket, or in prover_socket")
    admitted = await asyncio.to_thread(find_askers, asker)
    if settings.catalog.cache_dir is not None:
        with suppress(OSError):  # it is made when there is something to keep, or it is done without
            await asyncio.to_thread(require_private, settings.catalog.cache_dir)
    is_given = "LISTEN_PID" in os.environ
    with stop_event() as stop:
        sockets = listening_socket(settings.model_copy(update={"socket": settings.prover_socket}))
        listener = await asyncio.to_thread(sockets.__enter__)
        try:
            await _serve_on(listener, settings, admitted, stop, may_end=is_given)
        finally:
            await asyncio.to_thread(sockets.__exit__, None, None, None)


def find_askers(name: str | None) -> Admitted:
    """Root, our own user, and the one of this name.  Blocks.

    :raise ServiceError: where there is none.
    """
    if name is None:
        return Admitted(frozenset((0, os.geteuid())), who="root and the prover's own user")
    return Admitted(frozenset((0, os.geteuid(), user_id(name))), who=f"root and {name}, as whom the service runs")


async def _serve_on(
    listener: socket.socket, settings: ServiceSettings, admitted: Admitted, stop: asyncio.Event, *, may_end: bool
) -> None:
    proofs = Proofs(make_own_judge(settings), admitted, settings.catalog)
    server = await asyncio.start_unix_server(proofs.take, sock=listener.dup())
    companions = [asyncio.ensure_future(keep_watchdog_quiet()), asyncio.ensure_future(_tell_confinement())]
    notify("READY=1\nSTATUS=Proving lines")
    log.info("ready to prove lines for %s", admitted.who)
    try:
        await _until_stopped(stop, proofs, settings.prover_idle_s if may_end else None)
    finally:
        notify("STOPPING=1")
        server.close()
        for companion in companions:
            companion.cancel()
        await asyncio.gather(*companions, return_exceptions=True)
        # Whoever came in the last moment is answered; who comes now waits on systemd's socket for our successor.
        await asyncio.sleep(_LAST_LOOK)
        if not stop.is_set():
            await _until_stopped(stop, proofs, 0)
        await proofs.close(_GRACE)


async def _tell_confinement() -> None:
    """Say in the log how QEMUs are confined here, what that does not give, or why none will be started."""
    try:
        found = await find_box()
    except QemuError as error:
        log.warning("no line can be proven here: %s", error)
        return
    for sentence in found.describe():
        log.info("%s", sentence)


async def _until_stopped(stop: asyncio.Event, proofs: Proofs, idle_s: float | None) -> None:
    """Wait until we are told to stop, or until nobody has been connected for so many seconds (None: for ever)."""
    if idle_s is None:
        await stop.wait()
        return
    while (left := idle_s - proofs.idle_s()) > 0 or not proofs.is_idle():
        try:
            async with asyncio.timeout(max(left, _LAST_LOOK)):
                await stop.wait()
                return
        except TimeoutError:
            continue


def run_proofs(settings: ServiceSettings, asker: str | None) -> None:
    """:func:`serve_proofs` on an event loop of its own, for a process that does nothing else.

    :raise ServiceError: where the socket cannot be had, or there is no such user.
    """
    asyncio.run(serve_proofs(settings, asker))
