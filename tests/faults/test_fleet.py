"""What may befall the store of a fleet and what is in it: a reader ends with right answers, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prober.errors import StoreError
from prober.fleet.blobs import pack_part
from prober.fleet.giving import give_host
from prober.fleet.parts import split
from prober.fleet.records import MOST_BYTES, HostBuild, HostRecord, dump_record
from prober.fleet.store.keeping import make_streams
from prober.fleet.store.nats import NatsStore
from prober.service.fleet.server import ReaderSettings
from tests.conftest import aio
from tests.fleet.agents import QUICK, Changing, reporting, until
from tests.fleet.asking import Asking
from tests.fleet.reading import running_reader, until_ready
from tests.fleet.users import Fleet, start_fleet
from tests.unit.fleet.fleets import QEMU, domain, recorded
from tests.unit.fleet.store_contract import make_blob

pytestmark = [pytest.mark.slow, pytest.mark.needs("setpriv")]

CAN, XML = "/v1/fleet/can", domain(kind="qemu")

#: Whatever is no record of the host b, and what is said of it.
NO_RECORDS = {
    b"x": "is damaged",
    dump_record(HostRecord(name="b", seq=1))[:-1]: "is damaged",
    json.dumps({**json.loads(dump_record(HostRecord(name="b"))), "form": 2}).encode(): "form 2, which this prober",
    dump_record(HostRecord(name="a", seq=9)): "says that it is one of a",
    b"{" * (MOST_BYTES + 1): "are the most",
}


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with start_fleet(tmp_path) as started:
        yield started


@asynccontextmanager
async def reading(fleet: Fleet, directory: Path) -> AsyncIterator[Asking]:
    """A reader that knows what the store has."""
    settings = ReaderSettings(store=fleet.server.url, credentials=fleet.files["reader"], socket=directory / "r.sock")
    with running_reader(settings) as client:
        await asyncio.to_thread(until_ready, client)
        yield Asking(client)


async def give(store: NatsStore, name: str, *, ahead_s: int = 0) -> None:
    """A host says what it has, by a clock that is so far ahead."""
    await give_host(store, name, [(QEMU, recorded("7.2.22"))], {}, time_s=int(time.time()) + ahead_s)


def counts(able: int, hosts: int) -> Any:
    """Whether an answer says that so many of so many can."""
    return lambda told: (told["able"], told["hosts"]) == (able, hosts)


@pytest.mark.fault("record")
def test_what_is_no_record_counts_for_nothing_until_there_is_one(
    fleet: Fleet, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            a, b, raw = await users.open("a"), await users.open("b"), await users.raw("b")
            await give(a, "a")
            await give(b, "b")
            async with reading(fleet, tmp_path) as asking:
                await asking.until(CAN, counts(2, 2), XML)
                for data, said in NO_RECORDS.items():
                    assert await raw.publish("$KV.fleet.hosts.b", data) == ""
                    await asking.until("/healthz", lambda told: told["damaged"] == 1)
                    assert counts(1, 1)(await asking.post(CAN, XML))
                    last = (await asking.get("/v1/fleet/changes"))["changes"][-1]
                    assert (last["kind"], last["host"], said in last["said"]) == ("damaged", "b", True)
                    await give(b, "b")
                    await asking.until(CAN, counts(2, 2), XML)
                    assert (await asking.get("/healthz"))["damaged"] == 0
        record_property("told", f"{len(NO_RECORDS)} kinds of no record: the host counts again when it writes one")

    aio(run())


@pytest.mark.fault("record")
@pytest.mark.parametrize("ahead_s", [3600, -3600])
def test_a_hosts_clock_decides_nothing(fleet: Fleet, tmp_path: Path, ahead_s: int) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            a, b = await users.open("a"), await users.open("b")
            await give(a, "a")
            await give(b, "b", ahead_s=ahead_s)
            async with reading(fleet, tmp_path) as asking:
                told = await asking.until(CAN, counts(2, 2), XML)
                assert abs(told["as_of"] - time.time()) < 60
                hosts = {one["name"]: one for one in (await asking.get("/v1/fleet/hosts"))["entries"]}
                assert hosts["b"]["silent_since"] is None
                assert abs(hosts["b"]["time"] - time.time() - ahead_s) < 60  # it is told as it was given
                await give(b, "b")
                told = await asking.until("/v1/fleet/changes", lambda told: told["changes"])
                assert [(one["kind"], one["host"]) for one in told["changes"]] == [("changed", "b")]
                assert counts(2, 2)(await asking.post(CAN, XML))

    aio(run())


@pytest.mark.long
@pytest.mark.fault("wrong-blob")
def test_a_build_that_is_not_what_it_is_called_counts_for_nothing_until_somebody_has_it(
    fleet: Fleet, tmp_path: Path
) -> None:
    """First nobody has it as it should be, then another host than the one that names it."""

    async def run() -> None:
        async with fleet.users() as users:
            a, b, raw = await users.open("a"), await users.open("b"), await users.raw("b")
            await give(a, "a")
            caps = recorded("5.2.0")
            (build, blob), (variant, _) = (pack_part(part) for part in split(caps))
            for name in {build, variant}:
                assert await raw.publish(f"builds.{name}.b", b"something else") == ""
            async with reading(fleet, tmp_path) as asking:
                await asking.until(CAN, counts(1, 1), XML)
                record = HostRecord(name="b", seq=1, time=1, builds=(HostBuild(build, variant, QEMU),))
                await b.put("hosts.b", dump_record(record))
                await asking.until("/healthz", lambda told: told["damaged"])
                told = await asking.post(CAN, XML)
                assert (told["able"], told["unknown"], told["hosts"]) == (1, 1, 2)
                await give_host(a, "a", [(QEMU, caps)], {})
                await asking.until(CAN, counts(2, 2), XML)
                await asking.until("/healthz", lambda told: told["damaged"] == 0)
                assert await (await users.open("reader")).blob(build) == blob

    aio(run())


@pytest.mark.fault("store-full")
def test_a_host_for_which_there_is_no_room_is_told_of_when_there_is(fleet: Fleet, tmp_path: Path) -> None:
    """Its agent says so and tries again by itself; whoever is there already goes on."""
    local = Changing()
    local.upgrade(10)

    async def run() -> None:
        async with fleet.users(records_bytes=6_000) as users:
            gone, other = await users.open("gone"), replace(QUICK, name="b")
            async with reporting(users, local) as first, reading(fleet, tmp_path) as asking:
                await until(lambda: first.pushes)
                await gone.put("leases.gone", b"x" * 4000)
                await gone.put("hosts.gone", b"x" * 1200)
                async with reporting(users, local, other, holder="two", user="b") as second:
                    await until(lambda: second.store.is_well is False)
                    assert ("is full" in second.store.said, "keeper" in second.store.hint) == (True, True)
                    local.upgrade(11)
                    await asking.until("/v1/fleet/builds", has(11, 1))
                    await make_streams(fleet.server.url, fleet.files["keeper"], records_bytes=1 << 30)
                    await asking.until("/v1/fleet/builds", has(11, 2))
                    await until(lambda: first.store.is_well and second.store.is_well)

    aio(run())


@pytest.mark.fault("store-full")
def test_a_build_for_which_there_is_no_room_is_given_when_there_is(fleet: Fleet, tmp_path: Path) -> None:
    """Until then the host's former record stands, and is answered from."""
    local = Changing()
    local.upgrade(20)

    async def run() -> None:
        async with (
            fleet.users(builds_bytes=200_000) as users,
            reporting(users, local) as status,
            reading(fleet, tmp_path) as asking,
        ):
            await asking.until("/v1/fleet/builds", has(20, 1))
            await _fill_builds(await users.open("gone"))
            local.upgrade(21)
            await until(lambda: status.store.is_well is False and "is full" in status.store.said)
            assert has(20, 1)(await asking.get("/v1/fleet/builds"))
            await make_streams(fleet.server.url, fleet.files["keeper"], builds_bytes=1 << 30)
            await asking.until("/v1/fleet/builds", has(21, 1))
            await until(lambda: status.store.is_well)

    aio(run())


def has(micro: int, hosts: int) -> Any:
    """Whether an answer has this version on so many hosts, and no other on any."""
    return lambda told: (
        [(one["version"] and one["version"]["micro"], one["hosts"]) for one in told["builds"] if one["hosts"]]
        == [(micro, hosts)]
    )


async def _fill_builds(store: NatsStore) -> None:
    """Until nothing fits any more that is as large as a build."""
    size = 100_000
    while size > 200:
        name, data = make_blob(os.urandom(size))
        try:
            await store.blob(name, data, host="gone")
        except StoreError:
            size //= 2
