"""Who is at the other end of a connection within this host's loopback: the kernel tells, by sock_diag(7).

A unix socket knows its peer, and one of TCP does not; but the other end is a socket of this host, and has an owner.
It is what keeps one user from having all of the connections: the page's server gives nothing to anybody for it.
"""

from __future__ import annotations

import os
import socket
import struct

from prober.service.protocol import HttpConnection

#: <linux/netlink.h>, <linux/sock_diag.h>: one question, of this kind, that wants an answer.
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST = 4, 20, 1
_HEADER = struct.Struct("=IHHII")
#: struct inet_diag_req_v2: family, protocol, extensions, nothing, states, and the socket.
_ASKED = struct.Struct("=BBBBI")
#: struct inet_diag_sockid: the two ports and addresses (in network order, each with room for IPv6), any interface, any
#: cookie.
_SOCKET = struct.Struct("!HH4s12x4s12x4s8s")
#: struct inet_diag_msg: four bytes and the socket, expires, rqueue, wqueue, uid, inode.
_TOLD = struct.Struct("=4x48xIIIII")
_MOST = 4096


def uid_of_caller(connection: socket.socket) -> int | None:
    """The user whose socket is at the other end of this one of TCP, over IPv4; None where the kernel does not tell."""
    try:
        (own, own_port), (other, other_port) = connection.getsockname(), connection.getpeername()
        named = _SOCKET.pack(
            other_port, own_port, socket.inet_aton(other), socket.inet_aton(own), bytes(4), b"\xff" * 8
        )
        asked = _ASKED.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + named
        head = _HEADER.pack(_HEADER.size + len(asked), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, _NETLINK_SOCK_DIAG) as asking:
            # It is answered before this returns (netlink(7)): nothing is waited for.
            asking.sendto(head + asked, (0, 0))
            answer = asking.recv(_MOST)
        _, kind, *_ = _HEADER.unpack_from(answer)
        if kind != _SOCK_DIAG_BY_FAMILY:  # An error: there is no such socket (any more).
            return None
        uid: int = _TOLD.unpack_from(answer, _HEADER.size)[3]
    except (OSError, ValueError, struct.error):
        return None
    return uid


class CallerConnection(HttpConnection):
    """One client's connection over the loopback, which counts for the user whose it is."""

    def find_uid(self, fd: int) -> int | None:
        """Whose it is."""
        with socket.socket(fileno=os.dup(fd)) as connection:
            return uid_of_caller(connection)
