"""Who comes in over TLS, and what all of their connections have in common.

Until a client has shown a certificate whose name is on the list, it is nobody: so many of these there are at once, and
one more takes the place of the oldest of whichever network has the most.  Who has come in counts among all clients
(:mod:`prober.service.users`), by its name.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Protocol

from prober.service.serving import Serving
from prober.service.tls.names import AllowList
from prober.service.users import Connection, User, Users

#: So many have not shown yet who they are.
MOST_STRANGERS = 128

#: What one client of IPv6 may choose its addresses from.
_NETWORK = 64


class Comer(Connection, Protocol):
    """A connection, as the gate sees it; ``name`` is empty until it is let in."""

    name: str


class Gate:
    """Lets clients in.  ``context`` and ``allow`` may be put in their place by :meth:`adopt`.  For one event loop."""

    def __init__(self, serving: Serving, context: ssl.SSLContext, allow: AllowList) -> None:
        self.serving = serving
        self.context = context
        self.allow = allow
        self._strangers = Users(MOST_STRANGERS)
        self._all: set[Comer] = set()

    def enter(self, comer: Comer, address: str, fd: int) -> User | None:
        """Somebody came from this address, with this descriptor; None where there is no room for him."""
        user = self._strangers.enter(comer, _network_of(address))
        if len(self._strangers) > self._strangers.most or fd > self.serving.highest:
            user.idle.pop(comer)  # It is not the one to be let go.
            if not self._strangers.make_room():
                self._strangers.leave(comer, user)
                return None
            user.idle[comer] = None
        self._all.add(comer)
        return user

    def let_in(self, comer: Comer, user: User) -> None:
        """He has shown who he is, and counts by his name from now on."""
        self._strangers.leave(comer, user)

    def leave(self, comer: Comer, user: User | None) -> None:
        """He went."""
        self._all.discard(comer)
        if user is not None:
            self._strangers.leave(comer, user)

    def adopt(self, context: ssl.SSLContext, allow: AllowList) -> None:
        """Go on by these; who may not ask any more is let go at once."""
        self.context, self.allow = context, allow
        for comer in list(self._all):
            if comer.name and comer.name not in allow:
                comer.abort()

    def close(self) -> None:
        """Let those go who have not come in; the others are the service's."""
        for comer in list(self._all):
            if not comer.name:
                comer.abort()


@asynccontextmanager
async def strangers_let_go(gate: Gate) -> AsyncIterator[None]:
    """At the end nobody stands at the gate."""
    try:
        yield
    finally:
        gate.close()
        await asyncio.sleep(0)  # A connection is gone in the next turn.


def _network_of(address: str) -> str:
    """Whose address it is, as far as that can be told of one.

    >>> _network_of("2001:db8::17"), _network_of("::ffff:192.0.2.1")
    ('2001:db8::/64', '192.0.2.1')
    """
    try:
        known: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(known, IPv4Address):
        return str(known)
    return str(known.ipv4_mapped or ip_network((known, _NETWORK), strict=False))
