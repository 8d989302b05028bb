"""A host is cut off from the store for longer than its name is leased to it, and so is a reader.

Whole it is a partition of 100 s with a lease of 10 s; what is said meanwhile is held, and arrives when it is over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from prober.fleet.records import load_record
from prober.fleet.store.nats import NatsStore
from prober.fleet.store.protocol import Held
from prober.service.fleet.server import ReaderSettings
from tests.conftest import aio
from tests.fleet.agents import QUICK, Changing, record_of, reporting, until
from tests.fleet.asking import Asking
from tests.fleet.cutting import partition
from tests.fleet.reading import running_reader, until_ready
from tests.fleet.users import Fleet, Users, start_fleet

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.fault("partition"),
    pytest.mark.needs("setpriv"),
]

#: Seconds of lease and partition: whole, and in short.
WHOLE, SHORT = (10.0, 100.0), (3.0, 9.0)

#: How often (seconds) what the host has changes meanwhile.
CHANGE_S = 2.0


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with start_fleet(tmp_path) as started:
        yield started


@dataclass
class Written:
    """Who wrote the host's record, in the order of the store, as one sees it who is cut off from nothing."""

    sides: list[str] = field(default_factory=list)
    revisions: list[int] = field(default_factory=list)

    async def follow(self, store: NatsStore) -> None:
        """Note each record, for ever."""
        async with aclosing(store.watch("hosts.")) as events:
            async for event in events:
                if isinstance(event, Held):
                    self.sides.append(load_record("a", event.value).labels["side"])
                    self.revisions.append(event.revision)

    @property
    def turns(self) -> list[str]:
        """The sides, each once for all that it wrote in a row."""
        return [one for number, one in enumerate(self.sides) if number == 0 or self.sides[number - 1] != one]


async def changing(local: Changing, seconds: float) -> int:
    """What the host has changes for so long; which version it has then."""
    micro, ends = 100, time.monotonic() + seconds
    while time.monotonic() < ends:
        micro += 1
        local.upgrade(micro)
        await asyncio.sleep(min(CHANGE_S, max(0.0, ends - time.monotonic())))
    return micro


def test_who_is_cut_off_writes_nothing_under_a_name_that_another_one_has_taken(
    fleet: Fleet, tmp_path: Path, whole: bool, record_property: Callable[[str, object], None]
) -> None:
    lease_s, length_s = WHOLE if whole else SHORT
    settings, local = replace(QUICK, lease_s=lease_s, burst=1000), Changing()

    async def run() -> None:
        async with fleet.users() as users, AsyncExitStack() as stack:
            way = stack.enter_context(partition(fleet.server.port))
            beyond = Users(way.url, fleet.files, stack)
            reader, written = await users.open("reader"), Written()
            following = asyncio.create_task(written.follow(reader))
            sides = [replace(settings, labels={"side": side}) for side in ("one", "two")]
            one = await stack.enter_async_context(reporting(beyond, local, sides[0], holder="one"))
            await until(lambda: one.pushes)
            two = await stack.enter_async_context(reporting(users, local, sides[1], holder="two"))
            await until(lambda: two.lease == "other")

            way.cut()
            began = time.monotonic()
            work = asyncio.create_task(changing(local, length_s))
            await until(lambda: two.pushes)
            taken = time.monotonic() - began
            # What the first one has was renewed at most a third of the lease before it was cut off.
            assert lease_s * 0.6 < taken, taken
            micro = await work
            await until(lambda: one.store.is_well is False)

            way.heal()
            await until(lambda: one.lease == "other")
            pushes = one.pushes
            local.upgrade(micro + 1)
            record, ends = await record_of(reader), time.monotonic() + lease_s
            while time.monotonic() < ends:
                record = await record_of(reader)
                assert record.labels == {"side": "two"}
                await asyncio.sleep(0.1)
            assert (one.pushes, one.lease, two.lease) == (pushes, "other", "held")
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            assert written.turns == ["one", "two"]
            assert written.revisions == sorted(set(written.revisions))
            settled = ReaderSettings(
                store=fleet.server.url, credentials=fleet.files["reader"], socket=tmp_path / "r.sock"
            )
            with running_reader(settled) as client:
                await asyncio.to_thread(until_ready, client)
                builds = (await Asking(client).get("/v1/fleet/builds"))["builds"]
                assert [build["version"]["micro"] for build in builds if build["hosts"]] == [micro + 1]
            told = f"cut off for {length_s:g} s, lease {lease_s:g} s: the other host had the name after {taken:.1f} s"
            record_property("told", f"{told}; {len(written.sides)} records, none of the first one's behind its")

    aio(run(), debug=False)


@pytest.mark.long
def test_a_reader_that_is_cut_off_says_so_and_calls_nobody_silent(fleet: Fleet, tmp_path: Path) -> None:
    """Where silence is longer than it takes to notice a partition, ten seconds."""
    lease_s, length_s = WHOLE
    settings, local = replace(QUICK, lease_s=lease_s, burst=1000), Changing()

    async def run() -> None:
        async with fleet.users() as users, AsyncExitStack() as stack:
            way = stack.enter_context(partition(fleet.server.port))
            agent = await stack.enter_async_context(reporting(users, local, settings))
            await until(lambda: agent.pushes)
            told = ReaderSettings(
                store=way.url, credentials=fleet.files["reader"], socket=tmp_path / "r.sock", silent_s=20.0
            )
            with running_reader(told) as client:
                await asyncio.to_thread(until_ready, client)
                asking = Asking(client)
                assert (await asking.get("/healthz"))["away"] is None
                way.cut()
                began = time.time()
                micro = await changing(local, length_s)
                health = await asking.until("/healthz", lambda told: told["away"])
                assert (health["hosts"], health["as_of"] < began + 1) == (1, True)
                assert (await asking.get("/v1/fleet/hosts"))["entries"][0]["silent_since"] is None
                way.heal()
                await asking.until("/healthz", lambda told: told["away"] is None)
                await asking.until(
                    "/v1/fleet/builds",
                    lambda told: (
                        [one["version"] and one["version"]["micro"] for one in told["builds"] if one["hosts"]]
                        == [micro]
                    ),
                )
                health = await asking.get("/healthz")
                assert (health["hosts"], health["silent"], time.time() - health["as_of"] < 5) == (1, 0, True)
                assert (agent.lease, agent.store.is_well) == ("held", True)

    aio(run(), debug=False)
