"""Who is connected, what each of them makes the service hold, and whose turn it is.

A user is the uid of a peer, or the name in its certificate, with all of its connections together: whoever opens a
thousand has no more than with one.
What is held for a user (what it sent and is not answered yet, what it was sent and has not read) is bounded, and so is
how much of its work is begun before it is the turn of the others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeAlias

#: Who a user is: a uid, or whatever name he is known by; None where nobody tells.
Who: TypeAlias = int | str | None

#: What is held for one user, and for all of them together (bytes).
MOST_OF_ONE, MOST_OF_ALL = 32 << 20, 48 << 20

#: So many pieces of one user's work are begun in one turn of the event loop.
_STEPS = 16


class Connection(Protocol):
    """What is asked of a connection here."""

    @property
    def is_answering(self) -> bool:
        """Whether a request of it is being answered."""
        ...

    def shut_down(self) -> None:
        """Close it, with its last answer where one is to come."""
        ...

    def abort(self) -> None:
        """Close it at once, without a word."""
        ...


class User:
    """One user.  ``connections`` are all that it has, the oldest first; ``idle`` those on which nothing is under way,
    the one that is so for the longest time first; ``unread`` those whose last answer is not read, in the same order;
    ``held`` are the bytes that are held for it.
    """

    def __init__(self, users: Users, who: Who) -> None:
        self._users = users
        self.who = who
        self.connections: dict[Connection, None] = {}
        self.idle: dict[Connection, None] = {}
        self.unread: dict[Connection, None] = {}
        self.held = 0
        self._begun = 0
        self._queue: deque[Callable[[], None]] = deque()

    def hold(self, number: int) -> bool:
        """Note that so many bytes more are held (or fewer); false where that is more than it may have."""
        self.held += number
        self._users.held += number
        return self.held <= MOST_OF_ONE and self._users.held <= MOST_OF_ALL

    def drop_unread(self) -> None:
        """Close the connection whose answer lies unread for the longest time."""
        for connection in self.unread:
            del self.unread[connection]
            connection.abort()
            return

    def run(self, work: Callable[[], None]) -> None:
        """Do a piece of its work, now or, where it has had its share of this turn, in one of the next."""
        if self._begun >= _STEPS:
            self._queue.append(work)
            return
        if not self._begun:
            asyncio.get_running_loop().call_soon(self._next_turn)
        self._begun += 1
        work()

    def _next_turn(self) -> None:
        self._begun = 0
        while self._queue and self._begun < _STEPS:
            self.run(self._queue.popleft())


class Users:
    """All users that have a connection, at most ``most`` connections together."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0
        self._number = 0
        self._users: dict[Who, User] = {}

    def __len__(self) -> int:
        """How many connections there are."""
        return self._number

    def enter(self, connection: Connection, who: Who) -> User:
        """A connection came; it counts from now on, and is idle."""
        user = self._users.get(who)
        if user is None:
            user = self._users[who] = User(self, who)
        user.connections[connection] = user.idle[connection] = None
        self._number += 1
        return user

    def leave(self, connection: Connection, user: User) -> None:
        """A connection went, or is let go.  May be said twice."""
        if connection not in user.connections:
            return
        del user.connections[connection]
        user.idle.pop(connection, None)
        user.unread.pop(connection, None)
        self._number -= 1
        # What is held may still be counted, and what waits for its turn looks for itself whether its user has gone.
        if not user.connections and self._users.get(user.who) is user:
            del self._users[user.who]

    def make_room(self, newcomer: User | None = None) -> bool:
        """Let go of the connection that is missed least; false where each of them is in use.

        That is one on which nothing is under way, of the user that has the most; else, where another than the
        newcomer has more than half of all that may be, its oldest on which the service waits for it.
        """
        by_number = sorted(self._users.values(), key=lambda user: len(user.connections), reverse=True)
        for user in by_number:
            for idle in user.idle:
                self._let_go(idle, user)
                return True
        if newcomer is not None and by_number[0] is not newcomer and len(by_number[0].connections) > self.most // 2:
            for connection in by_number[0].connections:
                if not connection.is_answering:
                    self._let_go(connection, by_number[0])
                    return True
        return False

    def _let_go(self, connection: Connection, user: User) -> None:
        self.leave(connection, user)
        connection.abort()
