"""What all connections have in common, and which there are."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from typing import Protocol

from prober.service.application import Application
from prober.service.descriptors import highest_in_use, in_use, make_room_for
from prober.service.logs.access import tell_access
from prober.service.logs.requests import RequestIds
from prober.service.messages import Request, Response
from prober.service.metrics import families
from prober.service.metrics.tally import Sample, Tally
from prober.service.settings import ServiceSettings
from prober.service.users import Connection, User, Users, Who

log = logging.getLogger(__name__)


class Newcomer(Connection, Protocol):
    """What is asked of a connection besides, when the service is being stopped."""

    def is_new(self, seconds: float) -> bool:
        """Whether it has come within so many seconds, and no request of it yet."""
        ...


class Serving:
    """What all connections have in common, and which there are.  Made within a running event loop.

    The soft limit of file descriptors is raised to fit ``max_connections``; ``users.most`` is how many do.
    ``highest`` is the descriptor above which they count as short.
    """

    def __init__(
        self, application: Application, settings: ServiceSettings, tally: Tally, *, listener: str = "api"
    ) -> None:
        self.application = application
        self._settings = settings
        self.ids = RequestIds()
        self._tally = tally
        self._listener = listener
        self._made = 0
        tally.add_source(self._samples)
        self._others = in_use()
        self.users = Users(make_room_for(settings.max_connections, self._others))
        self.highest = highest_in_use()
        self.connections: set[Newcomer] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    @property
    def settings(self) -> ServiceSettings:
        """By which it goes on."""
        return self._settings

    @settings.setter
    def settings(self, settings: ServiceSettings) -> None:
        """From now on by these; connections that are there keep their times."""
        self._settings = settings
        self.users.most = make_room_for(settings.max_connections, self._others)
        self.highest = highest_in_use()

    def enter(self, connection: Newcomer, who: Who, fd: int) -> User | None:
        """A connection came, with this descriptor; None where there is no room, and none could be made."""
        self._made += 1
        user = self.users.enter(connection, who)
        user.idle.pop(connection)  # It is not the one to be let go.
        is_full = len(self.users) > self.users.most or fd > self.highest
        if is_full and not self.users.make_room(user):
            self.users.leave(connection, user)
            return None
        user.idle[connection] = None
        self.connections.add(connection)
        return user

    def count(self, request: Request, response: Response) -> None:
        """A request has its answer."""
        seconds = time.perf_counter() - request.arrived if request.arrived else 0.0
        self._tally.answered(request.route, response.status, seconds)
        if self.settings.log_requests:
            tell_access(request, response, seconds)

    def count_unread(self, kind: str, status: int | None, detail: str) -> str:
        """A client is let go before it is understood; what this is called in logs.

        ``status`` is None where it gets no answer.
        """
        if status is None:
            self._tally.refused(kind)
        else:
            self._tally.unread(kind, status)
        ident = self.ids.take()
        fields = {"event": "refusal", "kind": kind, "status": status, "listener": self._listener, "request": ident}
        log.info("a client is let go: %s", detail, extra={"fields": fields})
        return ident

    def _samples(self) -> Iterator[Sample]:
        labels = (self._listener,)
        yield Sample(families.CONNECTIONS, labels, len(self.connections))
        yield Sample(families.CONNECTIONS_MADE, labels, self._made)
        yield Sample(families.CONNECTIONS_MOST, labels, self.users.most)

    async def finish(self, grace: float) -> None:
        """Answer what was asked already, each connection's last; who has come just now has ``grace`` seconds to ask.

        For when no more come.  What then is not answered, as somebody waits for a QEMU, is left to :meth:`end`.
        """
        deadline = time.monotonic() + grace
        left = set(self.connections)
        while left and time.monotonic() < deadline:
            for connection in left:
                if not connection.is_new(grace):
                    connection.shut_down()
            left = {one for one in left & self.connections if one.is_new(grace) or one.is_answering}
            await asyncio.sleep(0.01)

    async def end(self, grace: float) -> None:
        """Close all connections, those that wait for an answer once they have it, or after ``grace`` seconds."""
        for connection in list(self.connections):
            connection.shut_down()
        deadline = time.monotonic() + grace
        while (self.tasks or self.connections) and time.monotonic() < deadline:  # noqa: ASYNC110 - it is over soon
            await asyncio.sleep(0.01)
        for task in list(self.tasks):
            task.cancel()
        for connection in list(self.connections):
            connection.abort()
        await asyncio.gather(*self.tasks, return_exceptions=True)
