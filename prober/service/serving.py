"""What all connections have in common, and which there are."""

from __future__ import annotations

import asyncio
import time

from prober.service.application import Application
from prober.service.descriptors import highest_in_use, make_room_for
from prober.service.peers import Peer
from prober.service.settings import ServiceSettings
from prober.service.users import Connection, User, Users


class Serving:
    """What all connections have in common, and which there are.  Made within a running event loop.

    The soft limit of file descriptors is raised to fit ``max_connections``; ``users.most`` is how many do.
    ``highest`` is the descriptor above which they count as short.
    """

    def __init__(self, application: Application, settings: ServiceSettings) -> None:
        self.application = application
        self.settings = settings
        self.users = Users(make_room_for(settings.max_connections))
        self.highest = highest_in_use()
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    def enter(self, connection: Connection, peer: Peer | None, fd: int) -> User | None:
        """A connection came, with this descriptor; None where there is no room, and none could be made."""
        user = self.users.enter(connection, peer)
        user.idle.pop(connection)  # It is not the one to be let go.
        is_full = len(self.users) > self.users.most or fd > self.highest
        if is_full and not self.users.make_room(user):
            self.users.leave(connection, user)
            return None
        user.idle[connection] = None
        self.connections.add(connection)
        return user

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
