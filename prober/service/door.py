"""Where clients come in: connections are taken while there is room for them, and let wait where there is none.

The event loop takes connections by itself (libuv, one in each of its turns), which is quicker than taking them here.
But it has no answer for a process that has no file descriptor left: it throws away all that wait, by means of a spare
one, and where it has lost that too, it tries again and again and does nothing else.  So it is never let come to that:
whoever takes a connection looks how high its descriptor is (:meth:`prober.service.serving.Serving.enter`), and here
it is looked every second whether there are some left.  Where there are none, idle connections are closed and no more
are taken until there are; who connects meanwhile waits in the kernel's queue.

So does who connects to a service that is being stopped, where the socket is its manager's: the next one takes it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

from prober.service.descriptors import highest_in_use, too_many
from prober.service.protocol import HttpConnection
from prober.service.serving import Serving
from prober.service.sockets import BACKLOG

log = logging.getLogger(__name__)

#: It is looked so often (seconds).
_EVERY = 1.0


@asynccontextmanager
async def open_door(
    serving: Serving, listener: socket.socket, make: Callable[[], asyncio.Protocol] | None = None
) -> AsyncIterator[Door]:
    """Take connections on the socket meanwhile, or until it is closed; the socket stays its owner's, and open.

    ``make`` makes what speaks with a client, where that is not HTTP as it is.
    """
    door = Door(serving, listener, make or partial(HttpConnection, serving))
    await door.open()
    try:
        yield door
    finally:
        await door.close()


class Door:
    """Where clients come in.  Made by :func:`open_door`."""

    def __init__(self, serving: Serving, listener: socket.socket, make: Callable[[], asyncio.Protocol]) -> None:
        self._serving = serving
        self._make = make
        self._listener = listener
        self._server: asyncio.Server | None = None
        self._watching: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Take connections from now on.

        :raise OSError: where not even a descriptor for that can be had.
        """
        await self._take()
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Take no more, for good.  May be called twice."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        self._refrain()

    async def _take(self) -> None:
        loop = asyncio.get_running_loop()
        # The protocol closes over its own duplicate, so that the one who made the socket also closes it.
        copy = self._listener.dup()
        try:
            make = loop.create_unix_server if copy.family == socket.AF_UNIX else loop.create_server
            self._server = await make(self._make, sock=copy, backlog=BACKLOG)
        except BaseException:
            copy.close()
            raise

    def _refrain(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _watch(self) -> None:
        """Look for ever whether there are descriptors."""
        while True:
            await asyncio.sleep(_EVERY)
            self._serving.highest = highest_in_use()
            if number := too_many(self._listener.fileno()):
                self._make_room(number)
            elif self._server is None:
                with suppress(OSError):
                    await self._take()
                    log.warning("there are file descriptors again; connections are taken")

    def _make_room(self, number: int) -> None:
        if self._server is not None:
            log.warning("file descriptors run short: idle connections are closed, and no more are taken for now")
            self._refrain()
        for _ in range(number):
            if not self._serving.users.make_room():
                break
