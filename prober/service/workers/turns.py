"""Whose turn it is: those who wait for a worker, fairly among the users that they are.

Knows no process and does no I/O.  A client is a user, with all its connections together.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from prober.errors import BusyError


@dataclass(eq=False)
class Ticket:
    """One who waits: the user, how many bytes lie here for him meanwhile, and what ends the waiting.

    ``is_first`` is whether he goes before all others of the same user, as a turn of his was taken away.
    """

    uid: int
    size: int
    is_first: bool = False
    turn: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Turns:
    """The queue.  ``workers`` is how many there are, ``most`` how many may wait, with ``most_bytes`` in all."""

    def __init__(self, workers: int, most: int, most_bytes: int) -> None:
        #: So many workers a user may have while another one waits.
        self.share = 1
        self._most = 0
        self.resize(workers, most)
        self._most_bytes = most_bytes
        self._bytes = 0
        #: Those who wait, by their users; the user whose turn is next comes first.
        self._waiting: OrderedDict[int, deque[Ticket]] = OrderedDict()
        self.running: Counter[int] = Counter()

    def resize(self, workers: int, most: int) -> None:
        """Go on with so many workers and places; whoever waits goes on waiting."""
        self.share = max(1, workers // 2)
        self._most = most

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __iter__(self) -> Iterator[Ticket]:
        """All who wait."""
        return (ticket for tickets in list(self._waiting.values()) for ticket in list(tickets))

    def enter(self, ticket: Ticket) -> None:
        """Wait for a turn.  Where there is no room, the last of the user who has most of it has to go.

        :raise BusyError: where that is this one.
        """
        while not ticket.is_first and self._is_full(ticket.size):
            uid, tickets = max(self._waiting.items(), key=lambda item: len(item[1]))
            if uid == ticket.uid or len(tickets) <= len(self._waiting.get(ticket.uid, ())) + 1:
                raise too_busy()
            last = tickets[-1]
            self.leave(last)
            if not last.turn.done():
                last.turn.set_exception(too_busy())
        tickets = self._waiting.setdefault(ticket.uid, deque())
        if ticket.is_first:
            tickets.appendleft(ticket)
        else:
            tickets.append(ticket)
        self._bytes += ticket.size

    def _is_full(self, size: int) -> bool:
        number = len(self)
        return number >= self._most or (number > 0 and self._bytes + size > self._most_bytes)

    def leave(self, ticket: Ticket) -> None:
        """Wait no longer; nothing where this one does not wait."""
        tickets = self._waiting.get(ticket.uid)
        if tickets is None or ticket not in tickets:
            return
        tickets.remove(ticket)
        self._bytes -= ticket.size
        if not tickets:
            del self._waiting[ticket.uid]

    def next(self) -> Ticket | None:
        """Take the one whose turn it is: users in turns, and one who has his share only where no other waits."""
        if not self._waiting:
            return None
        fitting = (uid for uid in self._waiting if self.running[uid] < self.share)
        uid = next(fitting, next(iter(self._waiting)))
        ticket = self._waiting[uid][0]
        self.leave(ticket)
        if uid in self._waiting:
            self._waiting.move_to_end(uid)
        return ticket

    def is_wronged(self, ticket: Ticket) -> int | None:
        """The user who has more than his share while this one, who has less than his, waits, where there is one."""
        if ticket not in self._waiting.get(ticket.uid, ()) or self.running[ticket.uid] >= self.share:
            return None
        return next((uid for uid, number in self.running.items() if number > self.share and uid != ticket.uid), None)


def too_busy() -> BusyError:
    """Why somebody is not waited for."""
    return BusyError("too much is asked at once", hint="ask again in a moment")
