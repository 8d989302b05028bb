"""The TCP socket that a reader listens on besides its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from prober.errors import ServiceError
from prober.service.settings import split_address
from prober.service.sockets import BACKLOG


@contextmanager
def tcp_listener(told: str | None) -> Iterator[socket.socket | None]:
    """A socket that listens at ``ADDRESS:PORT``; none where there is no address.  Blocks for a moment.

    ``[::]`` is every address of this host, those of IPv4 as well.

    :raise ServiceError: where it cannot be had.
    """
    if told is None:
        yield None
        return
    with _bound(told) as listener:
        listener.setblocking(False)
        yield listener


def _bound(told: str) -> socket.socket:
    host, port = split_address(told)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        both = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server(address[:2], family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        hint = "is there another one, or is it an address of this host?"
        raise ServiceError(f"cannot listen on {told}: {error.strerror}", hint=hint) from error
