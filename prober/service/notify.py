"""systemd's side of the service: what it is told (sd_notify(3)) and the sockets it hands over (sd_listen_fds(3)).

Both protocols are a few lines of text each, documented as stable, and meant to be spoken without libsystemd.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, MutableMapping
from typing import NamedTuple

from prober.errors import ServiceError

_FIRST_FD = 3

log = logging.getLogger(__name__)

#: What the socket is called on which ``/metrics`` alone is served.
_METRICS = "metrics"

_UNIX = (socket.AF_UNIX,)
_TAKEN_FOR_METRICS = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)


def notify(state: str) -> bool:
    """Send ``READY=1``, ``STOPPING=1``, ``STATUS=…`` to the one who started us; False where nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):  # Linux's abstract namespace
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sender:
            sender.connect(address)
            sender.sendall(state.encode())
    except OSError:
        return False
    return True


class Watched(NamedTuple):
    """A part of the service without which it only seems to be alive.  ``is_alive`` waits for nothing."""

    name: str
    is_alive: Callable[[], bool]


async def keep_watchdog_quiet(*parts: Watched) -> None:
    """Say ``WATCHDOG=1`` twice in each of systemd's watchdog intervals while all parts are alive, for ever.

    That the event loop is alive is said by this running on it.  Of a part that is not, the log and ``STATUS=`` tell
    once, and nothing is said to the watchdog until it is alive again.  Returns where there is no watchdog.
    """
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdigit() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return
    told: list[str] = []
    while True:
        dead = [part.name for part in parts if not part.is_alive()]
        if dead and dead != told:
            log.error("not alive: %s; the watchdog is not told that all is well", ", ".join(dead))
            notify(f"STATUS=Not alive: {', '.join(dead)}")
        elif told and not dead:
            log.info("alive again: %s", ", ".join(told))
            notify("STATUS=All parts are alive again")
        told = dead
        if not dead and not notify("WATCHDOG=1"):
            return
        await asyncio.sleep(int(microseconds) / 2_000_000)


class Handed(NamedTuple):
    """The listening sockets that systemd hands over: that of the API, and one on which ``/metrics`` alone is served."""

    api: socket.socket | None = None
    metrics: socket.socket | None = None


def take_sockets(environment: MutableMapping[str, str] = os.environ) -> Handed:
    """The listening sockets that systemd hands over; what says so is removed from the environment.

    The one that is called ``metrics`` (``FileDescriptorName=`` of prober-metrics.socket) is for that; it may be TCP.

    :raise ServiceError: where what is handed over is not a listening unix stream socket, and one for metrics at most.
    """
    pid, number = environment.pop("LISTEN_PID", ""), environment.pop("LISTEN_FDS", "")
    names = environment.pop("LISTEN_FDNAMES", "").split(":")
    if pid != str(os.getpid()) or number in ("", "0"):
        return Handed()
    if number not in ("1", "2") or (number == "2" and names.count(_METRICS) != 1):
        said = f"one socket is expected from systemd, and one called {_METRICS} besides, not {number}"
        raise ServiceError(said, hint="look into prober.socket and prober-metrics.socket")
    taken: dict[str, socket.socket] = {}
    try:
        for fd, name in zip(range(_FIRST_FD, _FIRST_FD + int(number)), (*names, ""), strict=False):
            is_metrics = name == _METRICS
            taken["metrics" if is_metrics else "api"] = _take(fd, _TAKEN_FOR_METRICS if is_metrics else _UNIX)
    except ServiceError:
        for given in taken.values():
            given.close()
        raise
    return Handed(**taken)


def _take(fd: int, families: tuple[socket.AddressFamily, ...]) -> socket.socket:
    try:
        os.set_inheritable(fd, False)
        given = socket.socket(fileno=fd)
    except OSError as error:
        raise ServiceError(f"what systemd handed over is not a socket: {error.strerror}") from error
    listens = given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if given.family not in families or given.type != socket.SOCK_STREAM or not listens:
        given.close()
        kind = "unix stream" if families == _UNIX else "stream"
        raise ServiceError(f"what systemd handed over is not a listening {kind} socket")
    return given
