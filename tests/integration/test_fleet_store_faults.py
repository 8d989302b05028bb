"""Servers of a store that are killed, stand still or lose their leader: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, aclosing, suppress
from pathlib import Path

import pytest

from prober.errors import StoreError
from prober.fleet.store.keeping import make_streams
from prober.fleet.store.nats import NatsStore
from prober.fleet.store.protocol import Away, Beat, CaughtUp, Event, Gone, Held
from tests.conftest import aio
from tests.fleet.nats_server import Server, start_cluster
from tests.fleet.users import Fleet, Users, make_keys, start_fleet
from tests.unit.fleet.store_contract import make_blob, told, until_caught_up

pytestmark = pytest.mark.needs("setpriv")

#: How long (seconds) a server or a cluster may take to be itself again, on a busy machine.
PATIENCE = 60


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with start_fleet(tmp_path) as started:
        yield started


async def _until_put(store: NatsStore, key: str, value: bytes) -> int:
    """Put it as an agent does: again and again until the store is there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await store.put(key, value)
            except StoreError:
                await asyncio.sleep(0.2)


async def _until_held(events: AsyncGenerator[Event, None], wanted: Held) -> list[Event]:
    """The events up to this one."""
    found: list[Event] = []
    async with asyncio.timeout(PATIENCE):
        async for event in events:
            found.append(event)
            if event == wanted:
                return found
    raise AssertionError(found)


@pytest.mark.fault("store-killed")
@pytest.mark.timeout(240)
def test_a_server_that_is_killed_and_comes_back_has_all_it_acknowledged(fleet: Fleet) -> None:
    name, data = make_blob(b"a build")

    async def run() -> None:
        async with fleet.users() as users:
            a, b, reader = await users.open("a"), await users.open("b"), await users.open("reader")
            one = await a.put("hosts.a", b"one")
            await b.put("hosts.b", b"one")
            await a.blob(name, data, host="a")
            async with aclosing(reader.watch("hosts.")) as events:
                assert len(await until_caught_up(events)) == 2
                two = await b.put("hosts.b", b"two")
                await asyncio.to_thread(fleet.server.kill)
                assert await told(events, 1) == [Held("hosts.b", b"two", two)]
                (away,) = await told(events, 1)
                assert isinstance(away, Away)
                began = time.monotonic()
                with pytest.raises(StoreError, match=r"cannot be reached|does not answer|went away") as caught:
                    await a.put("hosts.a", b"lost")
                assert caught.value.hint
                assert time.monotonic() - began < 20
                await asyncio.to_thread(fleet.server.start)
                three = await _until_put(a, "hosts.a", b"three")
                assert three > one
                # What was there before is not told again, and a list behind Away has an end.
                found = [*await _until_held(events, Held("hosts.a", b"three", three))]
                assert [event for event in found if event != CaughtUp()] == [Held("hosts.a", b"three", three)]
                await b.put("hosts.b", b"")
                rest = await told(events, 1)
                assert (rest if rest != [CaughtUp()] else await told(events, 1)) == [Gone("hosts.b")]
            assert await reader.blob(name) == data

    aio(run())


@pytest.mark.fault("store-killed")
@pytest.mark.timeout(240)
def test_a_store_that_is_another_one_afterwards_is_told_as_it_is(fleet: Fleet) -> None:
    """Its data is gone, as where a disk was replaced: the hosts that are there no more are gone."""

    async def run() -> None:
        async with fleet.users() as users:
            a, b, reader = await users.open("a"), await users.open("b"), await users.open("reader")
            await a.put("hosts.a", b"one")
            await b.put("hosts.b", b"one")
            async with aclosing(reader.watch("hosts.")) as events:
                assert len(await until_caught_up(events)) == 2
                await asyncio.to_thread(fleet.server.kill)
                (fleet.server.directory / "data").rename(fleet.server.directory / "old")
                await asyncio.to_thread(fleet.server.start)
                await make_streams(fleet.server.url, fleet.files["keeper"])
                revision = [await _until_put(b, "hosts.b", value) for value in (b"1", b"2", b"3")][-1]
                found = await _until_held(events, Held("hosts.b", b"3", revision))
                while Gone("hosts.a") not in found:
                    found += await told(events, 1)
                assert isinstance(found[0], Away)

    aio(run())


@pytest.mark.fault("partition")
@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_server_that_stands_still_is_noticed(fleet: Fleet) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            a, reader = await users.open("a"), await users.open("reader")
            await a.put("hosts.a", b"one")
            assert fleet.server.process is not None
            async with aclosing(reader.watch("hosts.")) as events:
                assert len(await until_caught_up(events)) == 1
                fleet.server.process.send_signal(signal.SIGSTOP)
                try:
                    with pytest.raises(StoreError, match="does not answer"):
                        await a.put("hosts.a", b"two")
                    async with asyncio.timeout(PATIENCE):
                        assert isinstance(await anext(events), Away)
                finally:
                    fleet.server.process.send_signal(signal.SIGCONT)
                revision = await _until_put(a, "hosts.a", b"three")
                await _until_held(events, Held("hosts.a", b"three", revision))

    aio(run())


def test_a_closing_that_was_ended_in_the_midst_leaves_nothing(fleet: Fleet) -> None:
    """It has said that it is closed, and done nothing yet; a second one does nothing by itself."""

    async def run() -> None:
        async with fleet.users() as users:
            raw = await users.raw("a")
            before = {raw.client._reading_task, raw.client._ping_interval_task, raw.client._flusher_task}
            raw.client._status = raw.client.CLOSED
            await raw.connection.close()
            await asyncio.sleep(0.05)
            assert all(task is not None and task.done() for task in before)

    aio(run())


@pytest.mark.fault("store-killed")
@pytest.mark.timeout(240)
def test_heartbeats_are_heard_again_when_the_server_is_back(fleet: Fleet) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            a, reader = await users.open("a"), await users.open("reader")
            async with aclosing(reader.beats()) as beats, asyncio.timeout(PATIENCE):
                for sequence in (1, 2):
                    heard = asyncio.ensure_future(anext(beats))
                    while not heard.done():
                        with suppress(StoreError):
                            await a.beat("a", sequence)
                        await asyncio.sleep(0.05)
                    while await heard != Beat("a", sequence):
                        heard = asyncio.ensure_future(anext(beats))
                    await asyncio.to_thread(fleet.server.kill)
                    await asyncio.to_thread(fleet.server.start)

    aio(run())


async def _leader(servers: list[Server], files: dict[str, Path]) -> int:
    """The number of the server that leads the stream of records."""
    url = "nats://" + ",".join(f"127.0.0.1:{server.port}" for server in servers if server.process)
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
        keeper = await Users(url, files, stack).raw("keeper")
        while True:
            answer = await keeper.ask("$JS.API.STREAM.INFO.KV_fleet")
            leader = (json.loads(answer or b"{}").get("cluster") or {}).get("leader", "")
            if leader:
                return int(str(leader).removeprefix("fleet-"))
            await asyncio.sleep(0.2)


async def _until_made(url: str, files: dict[str, Path]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await make_streams(url, files["keeper"], replicas=3)
                return
            except StoreError:  # there is no leader yet
                await asyncio.sleep(0.3)


@pytest.mark.fault("cluster")
@pytest.mark.timeout(300)
def test_a_cluster_of_three_loses_a_server_and_then_its_leader(tmp_path: Path) -> None:
    keys, files = make_keys(tmp_path / "keys")
    name, data = make_blob(b"a build")
    with start_cluster(tmp_path, keys) as servers:
        url = "nats://" + ",".join(f"127.0.0.1:{server.port}" for server in servers)

        async def run() -> None:
            async with AsyncExitStack() as stack:
                await _until_made(url, files)
                users = Users(url, files, stack)
                a, b, reader = await users.open("a"), await users.open("b"), await users.open("reader")
                await a.blob(name, data, host="a")
                await b.put("hosts.b", b"stays")
                async with aclosing(reader.watch("hosts.")) as events:
                    assert len(await until_caught_up(events)) == 1
                    leader = await _leader(servers, files)
                    for killed in ((leader + 1) % 3, leader):  # a follower, and then who leads
                        await asyncio.to_thread(servers[killed].kill)
                        revision = await _until_put(a, "hosts.a", b"without %d" % killed)
                        found = await _until_held(events, Held("hosts.a", b"without %d" % killed, revision))
                        assert Gone("hosts.b") not in found
                        await asyncio.to_thread(servers[killed].start)
                        leader = await _leader(servers, files)
                assert await reader.blob(name) == data
                async with aclosing(reader.watch("hosts.")) as events:
                    assert {event.key for event in await until_caught_up(events) if isinstance(event, Held)} == {
                        "hosts.a",
                        "hosts.b",
                    }

        aio(run())
