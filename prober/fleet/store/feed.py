"""Follows the records of one kind on JetStream: a push consumer in memory, which goes with who listens.

What comes is counted by the consumer's own numbers: where one is missing, or the heartbeat that the server promised,
the list is taken anew, and :class:`~prober.fleet.store.following.Following` tells what differs.  So nothing is lost
whatever happens to a connection, a consumer or a server.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Iterable

from nats.aio.client import Client

from prober.errors import StoreError
from prober.fleet.pace import waited
from prober.fleet.store.client import ERRORS, BoundedClient, ServerConnection
from prober.fleet.store.following import Following
from prober.fleet.store.protocol import MOST_VALUE, Event, Held
from prober.fleet.store.subjects import RECORDS, key_from, subject_of

#: How often (seconds) the server says that the consumer is there, and after how many silent times it counts as lost.
HEARTBEAT_S, _SILENT = 3.0, 3

#: The most messages and bytes that wait here for who watches; with flow control a server sends no more than 32 MB.
_MOST_WAITING, _MOST_BYTES = 500_000, 128 * 1024 * 1024

#: Headers that a message has when the server had it delivered by somebody's request, and nobody published it.
_DELIVERED = b"Nats-Stream:"

_Message = tuple[bytes, bytes, bytes, bytes | None]


class _Inbox:
    """What has come and was not yet looked at."""

    def __init__(self) -> None:
        self.waiting: deque[_Message] = deque()
        self.bytes = 0
        self.is_over = self.is_ended = False
        self.came = asyncio.Event()

    def take(self, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        """One more; where there is no room the rest is left out, which shows as a gap."""
        self.bytes += len(data)
        self.is_over = self.is_over or len(self.waiting) >= _MOST_WAITING or self.bytes > _MOST_BYTES
        if not self.is_over:
            self.waiting.append((subject, reply, data, headers))
        self.came.set()

    def end(self) -> None:
        """Nothing more will come."""
        self.is_ended = True
        self.came.set()

    async def next(self) -> _Message:
        """The next one.

        :raise StoreError: where none came for too long.
        """
        while not self.waiting:
            if self.is_ended:
                raise StoreError("the store went away")
            if self.is_over:
                raise StoreError("the store told more than could be looked at")
            self.came.clear()
            if not await waited(self.came, HEARTBEAT_S * _SILENT):
                raise StoreError("the store has gone silent")
        message = self.waiting.popleft()
        self.bytes -= len(message[2])
        return message


async def follow_records(connection: ServerConnection, kind: str, following: Following) -> AsyncGenerator[Event, None]:
    """All records of a kind, and each change until the consumer is lost.

    :raise StoreError: where it is, or cannot be made.
    """
    client = await connection.client()
    inbox = _Inbox()
    deliver = client.new_inbox()
    number = await client.take(deliver, inbox.take)
    client.enders.append(inbox.end)
    try:
        pending = await _consumer(connection, kind, deliver)
        following.begin()
        is_listing = pending > 0
        for event in () if is_listing else following.end():
            yield event
        delivered = 0
        while True:
            subject, reply, data, headers = await inbox.next()
            if headers and headers.startswith(b"NATS/1.0 100"):
                await _control(client, reply, headers, delivered)
                continue
            revision, count, pending = _position(reply)
            if count != delivered + 1:
                raise StoreError("the store left something out")
            delivered = count
            for event in _events(following, subject, data, headers, revision):
                yield event
            for event in following.end() if is_listing and pending == 0 else ():
                yield event
            is_listing = is_listing and pending > 0
    finally:
        client.enders.remove(inbox.end)
        await client.leave(number)


async def _consumer(connection: ServerConnection, kind: str, deliver: str) -> int:
    """Make a consumer of the newest of each key; how many there are to come."""
    name, subject = secrets.token_hex(8), subject_of(kind, "*")
    asked = {
        "stream_name": RECORDS,
        "config": {
            "name": name,
            "deliver_subject": deliver,
            "deliver_policy": "last_per_subject",
            "filter_subject": subject,
            "ack_policy": "none",
            "max_deliver": 1,
            "idle_heartbeat": int(HEARTBEAT_S * 1e9),
            "flow_control": True,
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": 10_000_000_000,
        },
    }
    answer = await connection.told(f"$JS.API.CONSUMER.CREATE.{RECORDS}.{name}.{subject}", dumped(asked))
    pending = answer.get("num_pending", 0)
    if not isinstance(pending, int) or not 0 <= pending < 1 << 40:
        raise StoreError("what the store says of a watch cannot be read")
    return pending


async def _control(client: BoundedClient, reply: bytes, headers: bytes, delivered: int) -> None:
    """The server asks whether one keeps up, or says that it is there.

    :raise StoreError: where it has sent more than has come.
    """
    told = Client._parse_header_lines(headers)
    stalled = told.get("Nats-Consumer-Stalled", reply.decode("ascii", "replace"))
    if stalled.startswith(f"$JS.FC.{RECORDS}."):
        try:
            await client.publish(stalled)
        except ERRORS as error:
            raise StoreError("the store went away") from error
    if told.get("Nats-Last-Consumer", str(delivered)) != str(delivered):
        raise StoreError("the store left something out")


def _position(reply: bytes) -> tuple[int, int, int]:
    """The revision of a message, the how manieth of its consumer it is, and how many are to come behind it.

    They stand in its reply subject: ``$JS.ACK.STREAM.CONSUMER.TIMES.SEQUENCE.COUNT.TIME.PENDING``, or with a domain and
    an account in front of the stream, and a token more at the end (NATS' ADR-15).
    """
    parts = reply.split(b".")
    fields = parts[4:9] if len(parts) == 9 else parts[6:11]
    try:
        _, revision, count, _, pending = map(int, fields)
    except ValueError:
        raise StoreError("what the store sends cannot be read") from None
    return revision, count, pending


def _events(following: Following, subject: bytes, data: bytes, headers: bytes | None, revision: int) -> Iterable[Event]:
    key = key_from(subject.decode("ascii", "replace"))
    if key is None:
        return ()
    if headers and _is_gone(headers):
        return following.gone(key)
    # What nobody has published is nobody's word (docs/fleet-store.md, "What a host cannot do").
    value = b"" if headers and _DELIVERED in headers else data[: MOST_VALUE + 1]
    return following.held(Held(key, value, revision))


def _is_gone(headers: bytes) -> bool:
    return b"KV-Operation: " in headers or b"Nats-Marker-Reason:" in headers


def dumped(asked: object) -> bytes:
    """What is asked of JetStream's API, as it is sent."""
    return json.dumps(asked).encode()
