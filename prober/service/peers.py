"""Who is at the other end of a unix socket, as the kernel noted it when it was connected, and who may do what.

A client can say nothing about it: the ids are those that its process had when it called ``connect`` (unix(7)).
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import grp
import os
import pwd
import select
import socket
import struct
from dataclasses import dataclass
from typing import NamedTuple

from prober.errors import ForbiddenError, ServiceError

#: <asm-generic/socket.h>; Linux 4.13 and later.  Python has no name for it, and its getsockopt() takes 1 KiB at most.
_SO_PEERGROUPS = 59
#: struct ucred: pid, uid, gid.
_UCRED = struct.Struct("iII")
#: Groups for which room is made at first, and the most that a process may be in (NGROUPS_MAX).
_USUAL_GROUPS, _MOST_GROUPS = 64, 65536

_getsockopt = ctypes.CDLL(None, use_errno=True).getsockopt


class Peer(NamedTuple):
    """The user, the group and the supplementary groups of the process that connected, by their numbers."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


def peer_of(fd: int) -> Peer:
    """Who connected to the other end of this unix socket.

    :raise OSError: where the kernel does not tell: it is no unix socket, or has no peer.
    """
    with socket.socket(fileno=os.dup(fd)) as connection:
        _, uid, gid = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return Peer(uid, gid, _groups_of(fd))


def has_hung_up(transport: asyncio.BaseTransport) -> bool:
    """Whether who sends no more has gone, or may have.

    Of unix sockets the kernel tells (POLLHUP), of others it does not before something is sent to them.
    """
    connection = transport.get_extra_info("socket")
    if connection is None or connection.family != socket.AF_UNIX:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), 0)
    return bool(poll.poll(0))


def _groups_of(fd: int) -> tuple[int, ...]:
    """The supplementary groups, which SO_PEERCRED does not know."""
    room = _USUAL_GROUPS
    while True:
        groups = (ctypes.c_uint32 * room)()
        size = ctypes.c_uint32(ctypes.sizeof(groups))
        if _getsockopt(fd, socket.SOL_SOCKET, _SO_PEERGROUPS, groups, ctypes.byref(size)) == 0:
            return tuple(groups[: size.value // ctypes.sizeof(ctypes.c_uint32)])
        number = ctypes.get_errno()
        if number != errno.ERANGE or room >= _MOST_GROUPS:
            raise OSError(number, os.strerror(number))
        room = _MOST_GROUPS


@dataclass(frozen=True)
class Admitted:
    """Who is let in: these users, and the members of these groups."""

    uids: frozenset[int] = frozenset((0,))
    gids: frozenset[int] = frozenset()
    #: What is said of them to one who is not let in.
    who: str = "root"

    def has(self, peer: Peer | None) -> bool:
        """Whether this peer is one of them; one who is not known is none."""
        if peer is None:
            return False
        return peer.uid in self.uids or not self.gids.isdisjoint((peer.gid, *peer.groups))

    def require(self, peer: Peer | None, what: str) -> None:
        """Let in or raise.

        :raise ForbiddenError: where this peer may not do ``what``.
        """
        if not self.has(peer):
            raise ForbiddenError(f"you may not {what}", hint=f"it is for {self.who}")


#: Root alone.
ROOT = Admitted()

#: Nobody at all.
NOBODY = Admitted(frozenset(), who="nobody")


def find_admins(group: str | None) -> Admitted:
    """Root, our own user, and the members of ``group``, whose number is looked up now.  Blocks.

    :raise ServiceError: where there is no such group.
    """
    who = "root and the service's own user"
    if group is None:
        return Admitted(
            frozenset((0, os.geteuid())), who=f"{who}; the service's setting admin_group can name a group besides"
        )
    return Admitted(frozenset((0, os.geteuid())), frozenset((group_id(group),)), f"{who}, and the group {group}")


def group_id(name: str) -> int:
    """The number of a group.  Blocks.

    :raise ServiceError: where there is none of this name.
    """
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ServiceError(f"there is no group {name!r}", hint="make it, or name another one") from None


def user_id(name: str) -> int:
    """The number of a user.  Blocks.

    :raise ServiceError: where there is none of this name.
    """
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise ServiceError(f"there is no user {name!r}", hint="make it, or name another one") from None
