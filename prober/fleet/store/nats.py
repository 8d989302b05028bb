"""A store on NATS JetStream, for hosts that report over a network and who reads what they report."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path

from nats.aio.msg import Msg

from prober.errors import StoreConflictError, StoreError
from prober.fleet.blobs import MOST_KEPT, holds
from prober.fleet.pace import Backoff, jittered, waited
from prober.fleet.store.address import read_address
from prober.fleet.store.client import ERRORS, ServerConnection, StoreAddress
from prober.fleet.store.feed import dumped, follow_records
from prober.fleet.store.following import watch_anew
from prober.fleet.store.leases import Leases
from prober.fleet.store.protocol import (
    HOSTS,
    MOST_VALUE,
    Beat,
    Event,
    Held,
    check_blob,
    check_name,
    check_value,
    split_key,
    watched_kind,
)
from prober.fleet.store.subjects import BUILDS, RECORDS, name_from, subject_of, token

#: How long (seconds) a watch waits before it tries again, at first and at most; the half of it by chance.
_AGAIN_S, _AGAIN_AT_MOST_S = 0.2, 5.0

#: How many hosts' copies of one blob are looked at, and for how long (seconds).
_MOST_COPIES, _COPIES_S = 64, 20.0

#: The most heartbeats that wait for who listens; what comes then is not heard.
_MOST_BEATS = 200_000


class NatsStore:
    """The store of ``nats://…``; see :class:`~prober.fleet.store.protocol.Store` and ``Pulse`` there.

    It connects at the first verb, and anew where a connection was lost.
    """

    def __init__(self, address: StoreAddress) -> None:
        self._connection = ServerConnection(address)
        self._leases = Leases(self.get, lambda key, value, after: self.put(key, value, after=after))
        self._closed = asyncio.Event()

    @classmethod
    def open(cls, url: str, credentials: Path | None = None) -> NatsStore:
        """The store of an address; see :func:`~prober.fleet.store.address.read_address`."""
        return cls(read_address(url, credentials))

    async def put(self, key: str, value: bytes, *, after: int | None = None) -> int:
        """See :meth:`~prober.fleet.store.protocol.Store.put`.

        It is on the disk of the server, or of most of a cluster's, when this returns, as far as these are told to
        (``sync_interval: always``).
        """
        subject = subject_of(*split_key(key))
        check_value(key, value)
        headers = {} if value else {"KV-Operation": "DEL"}
        if after is None:
            return await self._publish(subject, value, headers)
        headers["Nats-Expected-Last-Subject-Sequence"] = str(after)
        try:
            return await self._publish(subject, value, headers)
        except StoreConflictError:
            found = await self._last(subject) if after == 0 else None
            if found is None or found[1]:
                raise StoreConflictError(f"{key} is not at revision {after}") from None
            headers["Nats-Expected-Last-Subject-Sequence"] = str(found[0])  # it was taken away before
            return await self._publish(subject, value, headers)

    async def get(self, key: str) -> Held | None:
        """See :meth:`~prober.fleet.store.protocol.Store.get`.  In a cluster it may be some moments old."""
        found = await self._last(subject_of(*split_key(key)))
        return Held(key, found[1], found[0]) if found is not None and found[1] else None

    def watch(self, prefix: str) -> AsyncGenerator[Event, None]:
        """See :meth:`~prober.fleet.store.protocol.Store.watch`."""
        follow = partial(follow_records, self._connection, watched_kind(prefix))
        return watch_anew(follow, self._closed, Backoff(_AGAIN_S, _AGAIN_AT_MOST_S))

    async def lease(self, name: str, holder: str, seconds: float) -> bool:
        """See :meth:`~prober.fleet.store.protocol.Store.lease`."""
        return await self._leases.lease(name, holder, seconds)

    async def blob(self, name: str, data: bytes | None = None, *, host: str = "") -> bytes | None:
        """See :meth:`~prober.fleet.store.protocol.Store.blob`.

        Any host may put what it likes under its own subject, so the copies are looked at until one is what it should.
        """
        check_name(name)
        if data is None:
            return await self._copy(name, "*")
        await check_blob(name, data)
        who = _token_of(host)
        try:
            await self._publish(f"builds.{name}.{who}", data, {})
        except StoreError:
            # It may be there already, as nothing is put twice.
            if (found := await self._copy(name, who)) is not None:
                return found
            raise
        return data

    async def beat(self, host: str, sequence: int) -> None:
        """See :meth:`~prober.fleet.store.protocol.Pulse.beat`."""
        client = await self._connection.client()
        try:
            await client.publish(f"beats.{_token_of(host)}", b"%d" % sequence)
        except ERRORS as error:
            raise StoreError(f"the store went away: {error}") from error

    async def beats(self) -> AsyncGenerator[Beat, None]:
        """See :meth:`~prober.fleet.store.protocol.Pulse.beats`."""
        heard: deque[Beat] = deque(maxlen=_MOST_BEATS)
        came = asyncio.Event()

        def take(subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
            # What a server sends by itself, whatever was asked of it, has headers or is no number.
            host = None if headers or len(data) > 16 or not data.isdigit() else name_from(subject[6:].decode())
            if host is not None:
                heard.append(Beat(host, int(data)))
                came.set()

        while not self._closed.is_set():
            try:
                client = await self._connection.client()
                number = await client.take("beats.*", take)
            except (StoreError, *ERRORS):
                await waited(self._closed, jittered(_AGAIN_S))
                continue
            client.enders.append(came.set)
            try:
                while not client.is_closed:
                    came.clear()
                    while heard:
                        yield heard.popleft()
                    if not client.is_closed:
                        await came.wait()
            finally:
                client.enders.remove(came.set)
                await client.leave(number)

    async def close(self) -> None:
        """See :meth:`~prober.fleet.store.protocol.Store.close`."""
        self._closed.set()
        await self._connection.close()

    async def _publish(self, subject: str, value: bytes, headers: dict[str, str]) -> int:
        answer = await self._connection.told(subject, value, headers or None)
        revision = answer.get("seq")
        if not isinstance(revision, int) or revision < 1:
            raise StoreError("what the store answers cannot be read")
        return revision

    async def _last(self, subject: str) -> tuple[int, bytes] | None:
        """The revision and the bytes of a subject's last message; none where it was taken away."""
        answer = await self._connection.request(f"$JS.API.DIRECT.GET.{RECORDS}.{subject}")
        headers = _headers(answer)
        if headers is None:
            return None
        if headers.get("Nats-Subject") != subject:
            raise StoreError("the store answers with something else than what was asked for")
        is_gone = "KV-Operation" in headers or "Nats-Marker-Reason" in headers
        return _sequence(headers), b"" if is_gone else answer.data[: MOST_VALUE + 1]

    async def _copy(self, name: str, host: str) -> bytes | None:
        """The first copy, of this host or (``*``) of any, that holds what it is named after."""
        sequence, until = 0, time.monotonic() + _COPIES_S
        for _ in range(_MOST_COPIES):
            asked = dumped({"seq": sequence, "next_by_subj": f"builds.{name}.{host}"})
            answer = await self._connection.request(f"$JS.API.DIRECT.GET.{BUILDS}", asked)
            headers = _headers(answer)
            if headers is None:
                return None
            if not headers.get("Nats-Subject", "").startswith(f"builds.{name}."):
                raise StoreError("the store answers with something else than what was asked for")
            if len(answer.data) <= MOST_KEPT and await asyncio.to_thread(holds, name, answer.data):
                return answer.data
            sequence = _sequence(headers) + 1
            if time.monotonic() > until:
                break
        raise StoreError(
            f"what hosts have put under {name} is not what it is named after",
            hint="see which hosts these are, in the subjects of the stream of builds",
        )


def _token_of(host: str) -> str:
    """The part of a subject that a host has.

    :raise StoreError: where this is no host's name.
    """
    return token(split_key(f"{HOSTS}{host}")[1])


def _headers(answer: Msg) -> dict[str, str] | None:
    """The headers of a stored message that was asked for; None where there is none.

    :raise StoreError: where the server says something else.
    """
    headers = answer.headers or {}
    status = headers.get("Status")
    if status == "404":
        return None
    if status is not None:
        raise StoreError(f"the store answers {status} {headers.get('Description', '')[:200]}".rstrip())
    return headers


def _sequence(headers: dict[str, str]) -> int:
    told = headers.get("Nats-Sequence", "")
    if not told.isdigit() or len(told) > 19:
        raise StoreError("what the store answers cannot be read")
    return int(told)
