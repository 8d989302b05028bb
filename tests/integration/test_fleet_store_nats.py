"""The store on a NATS server: the contract, under the rights that packaging/nats gives; heartbeats; what it refuses."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest

from prober.errors import StoreError
from prober.fleet.store.keeping import make_streams
from prober.fleet.store.nkeys import make_seed
from prober.fleet.store.protocol import Beat, Gone, Held
from tests.conftest import aio
from tests.fleet.users import Fleet, Users, start_fleet
from tests.unit.fleet.store_contract import CONTRACT, PATIENCE, Opened, make_blob, told, until_caught_up

pytestmark = pytest.mark.needs("setpriv")


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with start_fleet(tmp_path) as started:
        yield started


@pytest.mark.parametrize("clause", CONTRACT, ids=lambda clause: clause.__name__)
def test_contract(fleet: Fleet, clause: Callable[[Opened], Awaitable[None]]) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            await clause(users)

    aio(run())


def test_who_listens_hears_the_heartbeats(fleet: Fleet) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            host, reader = await users.open("a"), await users.open("reader")
            async with aclosing(reader.beats()) as beats, asyncio.timeout(PATIENCE):
                heard = asyncio.ensure_future(anext(beats))
                while not heard.done():  # what is told before anybody listens is heard by nobody
                    await host.beat("a", 1)
                    await asyncio.sleep(0.05)
                assert await heard == Beat("a", 1)
                await host.beat("a", 2**52)
                while (beat := await anext(beats)) == Beat("a", 1):
                    pass
                assert beat == Beat("a", 2**52)

    aio(run())


def test_what_is_no_heartbeat_is_not_heard(fleet: Fleet) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            host, reader, raw = await users.open("a"), await users.open("reader"), await users.raw("a")
            async with aclosing(reader.beats()) as beats, asyncio.timeout(PATIENCE):
                heard = asyncio.ensure_future(anext(beats))
                while not heard.done():
                    for data in (b"", b"-1", b"1.5", b"x", b"9" * 17, "\N{ARABIC-INDIC DIGIT ONE}".encode()):
                        assert await raw.publish("beats.a", data) == ""
                    assert await raw.publish("beats.a", b"7", More="words") == ""
                    await host.beat("a", 3)
                assert await heard == Beat("a", 3)

    aio(run())


def test_a_host_without_a_name_of_its_own_puts_no_blob(fleet: Fleet) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            host = await users.open("a")
            name, data = make_blob(b"one")
            with pytest.raises(StoreError, match="no key"):
                await host.blob(name, data)
            with pytest.raises(StoreError, match=f"may not publish builds.{name}.b"):
                await host.blob(name, data, host="b")
            assert await host.blob(name) is None

    aio(run())


@pytest.mark.fault("wrong-blob")
def test_the_first_blob_that_is_what_it_is_named_after_is_taken(fleet: Fleet) -> None:
    name, data = make_blob(b"one")

    async def run() -> None:
        async with fleet.users() as users:
            host, reader, raw = await users.open("b"), await users.open("reader"), await users.raw("a")
            assert await raw.publish(f"builds.{name}.a", b"something else") == ""
            assert await reader.blob(name) is None
            await host.blob(name, data, host="b")
            assert await reader.blob(name) == data
            liar = await users.open("a")
            with pytest.raises(StoreError):
                await liar.blob(name, data, host="a")
            assert await reader.blob(name) == data

    aio(run())


def test_without_streams_it_says_who_makes_them(fleet: Fleet) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            users = Users(fleet.server.url, fleet.files, stack)
            for name in ("a", "reader"):
                store = await users.open(name)
                with pytest.raises(StoreError) as caught:
                    await store.get("hosts.a")
                assert "keeper" in caught.value.hint
            await make_streams(fleet.server.url, fleet.files["keeper"])
            assert await store.get("hosts.a") is None

    aio(run())


def test_a_key_that_the_server_does_not_know_is_told_of(fleet: Fleet, tmp_path: Path) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            strange = tmp_path / "strange"
            strange.touch(0o600)
            strange.write_text(make_seed())
            began = time.monotonic()
            store = await Users(fleet.server.url, {"strange": strange}, stack).open("strange")
            # A server that closes at once may take its words along: then it is asked again.
            for _ in range(20):
                with pytest.raises(StoreError) as caught:
                    await store.get("hosts.a")
                if "reset by peer" not in caught.value.message:
                    break
                await asyncio.sleep(0.3)
            assert "authorization violation" in caught.value.message.lower()
            assert "credentials" in caught.value.hint
            assert time.monotonic() - began < PATIENCE

    aio(run())


@pytest.mark.fault("store-full")
def test_a_full_store_says_so_and_takes_what_replaces(fleet: Fleet) -> None:
    async def run() -> None:
        async with fleet.users(records_bytes=8000, builds_bytes=100_000) as users:
            a, b, reader = await users.open("a"), await users.open("b"), await users.open("reader")
            await a.put("hosts.a", b"x" * 4000)
            await a.put("leases.a", b"x" * 2500)
            with pytest.raises(StoreError, match="is full") as caught:
                await b.put("hosts.b", b"x" * 4000)
            assert "keeper" in caught.value.hint
            revision = await a.put("hosts.a", b"y" * 4000)
            name, data = make_blob(os.urandom(90_000))
            assert await a.blob(name, data, host="a") == data
            other, more = make_blob(os.urandom(90_000))
            with pytest.raises(StoreError, match="is full"):
                await b.blob(other, more, host="b")
            assert await reader.blob(name) == data
            assert await reader.get("hosts.a") == Held("hosts.a", b"y" * 4000, revision)
            await make_streams(fleet.server.url, fleet.files["keeper"], records_bytes=16000)
            await b.put("hosts.b", b"x" * 4000)
            async with aclosing(reader.watch("hosts.")) as events:
                assert {event.key for event in await until_caught_up(events) if isinstance(event, Held)} == {
                    "hosts.a",
                    "hosts.b",
                }

    aio(run())


def test_many_records_come_in_one_list(fleet: Fleet) -> None:
    """More than one window of flow control, so the server asks whether the reader keeps up."""

    async def run() -> None:
        async with fleet.users() as users:
            keeper, reader = await users.open("keeper"), await users.open("reader")
            values = {f"hosts.h{number}": b"%04d" % number * 1000 for number in range(1000)}
            await asyncio.gather(*(keeper.put(key, value) for key, value in values.items()))
            async with aclosing(reader.watch("hosts.")) as events:
                found = await until_caught_up(events)
                assert {event.key: event.value for event in found if isinstance(event, Held)} == values
                await keeper.put("hosts.h1", b"")
                assert await told(events, 1) == [Gone("hosts.h1")]
            async with aclosing(reader.watch("hosts.")) as events:
                assert len(await until_caught_up(events)) == len(values) - 1

    aio(run(), debug=False)
