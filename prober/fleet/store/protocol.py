"""The five verbs of a store: put, get, watch, lease, blob; and the heartbeats that only one over a network has.

A *key* is ``KIND.NAME``: ``hosts.HOST``, ``leases.NAME``.  A *revision* is a positive number that grows with each
change of a store; two states of one key never have the same.  Whoever keeps or sends what is read here is not trusted:
it is bounded in size, number and time, and what it means is for the reader to check.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from prober.errors import StoreError
from prober.fleet.blobs import MOST_KEPT, holds
from prober.fleet.names import NAME
from prober.fleet.records import HOST_NAME, MOST_BYTES

#: The most bytes of a key, and of what is kept under it.
MOST_KEY, MOST_VALUE = 272, MOST_BYTES

#: The most keys that are watched at once: what lies beyond is not told.
MOST_KEYS = 1_000_000

#: What the keys of hosts' records begin with, and those of leases.
HOSTS, LEASES = "hosts.", "leases."

_KIND = re.compile(r"[a-z]{1,16}")


@dataclass(frozen=True, slots=True)
class Held:
    """What a key has, and since which revision."""

    key: str
    value: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class Gone:
    """The key was there, and is no more."""

    key: str


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """All that was there has been told; what follows are changes.  After :class:`Away` it comes again."""


@dataclass(frozen=True, slots=True)
class Away:
    """The store cannot be reached: what was told may be old from now on.  It is tried again by itself."""

    error: StoreError


Event: TypeAlias = Held | Gone | CaughtUp | Away


@dataclass(frozen=True, slots=True)
class Beat:
    """A host is there, and its newest record has this sequence number."""

    host: str
    sequence: int


class Store(Protocol):
    """Where a fleet is kept.

    Each verb ends within some seconds.  It raises :class:`~prober.errors.StoreError` where the store cannot be
    reached, is full or will not have it; what was to be written may then have been written or not.
    """

    async def put(self, key: str, value: bytes, *, after: int | None = None) -> int:
        """Keep a value (1 to 4,096 bytes) under a key, or with no bytes take the key away; the revision.

        :param after: only where the key is at this revision (0: where it is not there).
        :raise StoreConflictError: where it is at another.
        """
        ...

    async def get(self, key: str) -> Held | None:
        """What a key has; None where it is not there.  Over a network it may be some moments old."""
        ...

    def watch(self, prefix: str) -> AsyncGenerator[Event, None]:
        """All keys of a kind (``hosts.``) that are there, then :class:`CaughtUp`, then each change, without end.

        Of several changes of one key the last one is told at least.  Where the store goes away, :class:`Away` is told
        once, and when it is back what has changed meanwhile, with :class:`CaughtUp` behind it.
        """
        ...

    async def lease(self, name: str, holder: str, seconds: float) -> bool:
        """Take or renew a lease; whether it is the holder's (see :mod:`prober.fleet.store.leases`)."""
        ...

    async def blob(self, name: str, data: bytes | None = None, *, host: str = "") -> bytes | None:
        """Keep a blob under the name of its content for good, or without data: the blob of this name, None if nobody
        has one.  What is given out holds what it is named after.

        :param host: who keeps it; needed over a network.
        """
        ...

    async def close(self) -> None:
        """Let go of all that the store has open.  Watches end."""
        ...


@runtime_checkable
class Pulse(Protocol):
    """The heartbeats of hosts: told to who listens now, and kept by nobody."""

    async def beat(self, host: str, sequence: int) -> None:
        """Tell that the host is there.  Whether anybody hears it is not known."""
        ...

    def beats(self) -> AsyncGenerator[Beat, None]:
        """What hosts tell, from now on without end.  What comes while the store is away is not heard."""
        ...


class Reporting(Store, Pulse, Protocol):
    """A store that hosts report to."""


def split_key(key: str) -> tuple[str, str]:
    """The kind and the name of a key.

    :raise StoreError: where it is none.
    """
    kind, _, name = key.partition(".")
    if len(key) > MOST_KEY or not _KIND.fullmatch(kind) or not HOST_NAME.fullmatch(name):
        raise StoreError(f"{key[:80]!r} is no key of a store", hint="KIND.NAME, as hosts.rack7-03")
    return kind, name


def watched_kind(prefix: str) -> str:
    """The kind that a watch is for.

    :raise StoreError: where it is none.
    """
    if not prefix.endswith(".") or not _KIND.fullmatch(prefix[:-1]):
        raise StoreError(f"{prefix[:80]!r} cannot be watched", hint="watch a kind of keys with its dot, as hosts.")
    return prefix[:-1]


def check_value(key: str, value: bytes) -> None:
    """:raise StoreError: where it is more than a key may have."""
    if len(value) > MOST_VALUE:
        raise StoreError(f"{key} is to have {len(value)} bytes, {MOST_VALUE} are the most")


def check_name(name: str) -> None:
    """:raise StoreError: where it is no name of a content."""
    if not NAME.fullmatch(name):
        raise StoreError(f"{name[:80]!r} is no name of a content", hint="27 characters of base64url")


async def check_blob(name: str, data: bytes) -> None:
    """:raise StoreError: where this is not what may be kept under the name."""
    if len(data) > MOST_KEPT:
        raise StoreError(f"the blob of {name} has {len(data)} bytes, {MOST_KEPT} are the most")
    if not await asyncio.to_thread(holds, name, data):
        raise StoreError(f"what is to be kept under {name} holds something else")
