"""A server of a store that is none: every verb ends in time with an error of ours, and holds no more than it may."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, suppress

import pytest

from prober.errors import StoreError
from prober.fleet.store.feed import HEARTBEAT_S
from prober.fleet.store.open import open_store
from prober.fleet.store.protocol import Away, Held, Store
from tests.conftest import aio
from tests.fleet.hostile_server import Answer, greeting, message, start_hostile
from tests.unit.fleet.store_contract import PATIENCE

NAME = "A" * 27

VERBS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "put": lambda store: store.put("hosts.a", b"x"),
    "get": lambda store: store.get("hosts.a"),
    "lease": lambda store: store.lease("a", "me", 1),
    "blob": lambda store: store.blob(NAME),
}


async def _ask(hello: bytes, answer: Answer, verb: Callable[[Store], Awaitable[object]]) -> object:
    async with start_hostile(hello, answer) as url, AsyncExitStack() as stack:
        store = await open_store(url)
        stack.push_async_callback(store.close)
        async with asyncio.timeout(PATIENCE):
            return await verb(store)


@pytest.mark.parametrize(
    "hello",
    [
        b"",
        b"\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"INFO\r\n",
        b"INFO []\r\n",
        b"INFO 7\r\n",
        b"INFO {\r\n",
        b"INFO \xff\r\n",
        b"INFO " + b"[" * 20_000 + b"\r\n",
        b"INFO " + b"x" * 1_000_000,
        greeting(connect_urls="x"),
        pytest.param(greeting(connect_urls=[7]), marks=pytest.mark.long),
        pytest.param(greeting(tls_required=True), marks=pytest.mark.long),
        greeting() + b"-ERR 'no'\r\n",
        pytest.param(greeting() + b"MSG\r\n", marks=pytest.mark.long),
        pytest.param(greeting() + b"INFO []\r\n", marks=pytest.mark.long),
    ],
    ids=range(16),
)
def test_who_greets_wrongly_is_no_store(hello: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(StoreError, match=r"cannot be reached|does not answer|went away") as caught:
        aio(_ask(hello, lambda *_: b"", VERBS["get"]))
    assert caught.value.hint
    assert time.monotonic() - began < PATIENCE


def _json(data: bytes) -> Answer:
    return lambda subject, reply, number: message(reply, number, data)


def _with(headers: bytes, data: bytes = b"x") -> Answer:
    return lambda subject, reply, number: message(reply, number, data, b"NATS/1.0\r\n" + headers + b"\r\n")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "answer",
    [
        *(_json(data) for data in (b"", b"x", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"seq": "x"}', b'{"seq": -1}')),
        *(_json(data) for data in (b'{"error": 7}', b'{"error": {"err_code": [], "description": {}}}')),
        _with(b"Nats-Subject: $KV.fleet.hosts.b\r\nNats-Sequence: 1\r\n"),
        _with(b"Nats-Subject: builds.B.a\r\nNats-Sequence: 1\r\n"),
        _with(b"Status: 500\r\nDescription: " + b"x" * 10_000 + b"\r\n"),
        _with(b"Nats-Sequence: " + b"9" * 5000 + b"\r\n"),
        lambda subject, reply, number: b"-ERR 'x'\r\n",
        lambda subject, reply, number: b"rubbish\r\n",
    ],
)
def test_an_answer_that_is_none_is_an_error_of_ours(verb: str, answer: Answer) -> None:
    with pytest.raises(StoreError) as caught:
        aio(_ask(greeting(), answer, VERBS[verb]))
    assert len(str(caught.value)) < 1000


def test_more_than_may_be_is_not_taken() -> None:
    """A message of 10 GB is announced, and begins to come; or a line that has no end."""

    async def taken(begin: bytes) -> int:
        sent = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            writer.write(greeting())
            await reader.readline()
            await reader.readline()
            writer.write(b"PONG\r\n" + begin)
            with suppress(ConnectionError):
                while sent < 100_000_000:
                    writer.write(b"x" * 65_536)
                    await writer.drain()
                    sent += 65_536
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        store = await open_store(f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        try:
            with pytest.raises(StoreError):
                await store.get("hosts.a")
        finally:
            await store.close()
            server.close()
        return sent

    for begin in (b"MSG x 1 9999999999\r\n", b"MSG "):
        # Some MB are in the sockets on the way.
        assert aio(taken(begin)) < 20_000_000


def test_what_is_too_large_for_a_record_is_cut_where_it_shows() -> None:
    headers = b"Nats-Subject: $KV.fleet.hosts.a\r\nNats-Sequence: 7\r\n"
    held = aio(_ask(greeting(), _with(headers, b"x" * 100_000), VERBS["get"]))
    assert held == Held("hosts.a", b"x" * 4097, 7)


@pytest.mark.parametrize(
    ("reply", "headers"),
    [
        ("", b""),
        ("$JS.ACK.KV_fleet.c.1.x.1.1.0", b""),
        ("$JS.ACK.KV_fleet.c.1.5.2.1.0", b""),
        ("$JS.ACK", b""),
        ("", b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 7\r\n\r\n"),
        ("", b"\xff\xfe"),
    ],
)
def test_a_watch_that_is_told_rubbish_begins_anew(reply: str, headers: bytes) -> None:
    made = []

    def answer(subject: str, to: str, number: int) -> bytes:
        if "CONSUMER.CREATE" not in subject:
            return b""
        made.append(subject)
        # One of the subscriptions is the watch's, and the last one that of answers.
        told = b"".join(message("$KV.fleet.hosts.a", one, b"x", headers, reply) for one in range(1, number + 1))
        return message(to, number, b'{"num_pending": 1}') + told

    async def watch(store: Store) -> None:
        async with aclosing(store.watch("hosts.")) as events:
            assert isinstance(await anext(events), Away)

    aio(_ask(greeting(), answer, watch))
    assert made


@pytest.mark.long
def test_a_client_that_reads_no_more_is_let_go() -> None:
    """After a word that makes its reading end, the next verb has a new connection."""
    subjects = []

    def answer(subject: str, to: str, number: int) -> bytes:
        subjects.append(subject)
        if len(subjects) == 1:
            return b"INFO []\r\n"
        return message(to, number, b"x", b"NATS/1.0\r\nNats-Subject: $KV.fleet.hosts.a\r\nNats-Sequence: 7\r\n\r\n")

    async def twice(store: Store) -> object:
        with pytest.raises(StoreError, match="does not answer"):
            await store.get("hosts.a")
        return await store.get("hosts.a")

    assert aio(_ask(greeting(), answer, twice)) == Held("hosts.a", b"x", 7)


def test_who_is_cancelled_while_an_answer_comes_has_ended() -> None:
    """Whatever the client was doing then: it forgets in places that it was cancelled."""

    async def run() -> None:
        came = asyncio.Event()

        def answer(subject: str, to: str, number: int) -> bytes:
            came.set()
            return message(to, number, b"x", b"NATS/1.0\r\nNats-Subject: $KV.fleet.hosts.a\r\nNats-Sequence: 7\r\n\r\n")

        async def ask(store: Store) -> None:
            assert await store.get("hosts.a") is not None
            for turns in range(30):
                came.clear()
                asking = asyncio.ensure_future(store.get("hosts.a"))
                await came.wait()
                for _ in range(turns):
                    await asyncio.sleep(0)
                if asking.cancel():
                    await asyncio.wait([asking])
                    assert asking.cancelled(), turns

        await _ask(greeting(), answer, ask)

    aio(run())


@pytest.mark.long
def test_a_watch_in_silence_is_away() -> None:
    def answer(subject: str, to: str, number: int) -> bytes:
        return message(to, number, b'{"num_pending": 1}')

    async def watch(store: Store) -> None:
        began = time.monotonic()
        async with aclosing(store.watch("hosts.")) as events:
            assert isinstance(await anext(events), Away)
        assert time.monotonic() - began > 2 * HEARTBEAT_S

    aio(_ask(greeting(), answer, watch))
