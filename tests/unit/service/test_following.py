"""A reader of a store that tells whatever a test has it tell: what is fetched, and whose turn it is meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Iterator

import pytest

from prober.fleet.known import Fleet
from prober.fleet.parts import Build, Variant
from prober.fleet.reader import StoreReader
from prober.fleet.records import HostBuild, HostRecord, dump_record
from prober.fleet.store.protocol import CaughtUp, Event, Gone, Held
from tests.conftest import aio
from tests.fleet.reading import PATIENCE

ONE = HostBuild("a" * 27, "b" * 27, "/usr/bin/qemu-system-x86_64")


class Telling:
    """Tells these events one after the other, and has no build."""

    def __init__(self, events: Iterable[Event], pause_s: float | None = None) -> None:
        self._events = events
        self._pause_s = pause_s
        self.told = asyncio.Event()

    async def watch(self, _prefix: str) -> AsyncGenerator[Event, None]:
        yield CaughtUp()
        for event in self._events:
            yield event
            if self._pause_s is not None:
                await asyncio.sleep(self._pause_s)
        self.told.set()
        await asyncio.Event().wait()

    async def blob(self, _name: str, _data: bytes | None = None, *, host: str = "") -> bytes | None:
        return None

    async def put(self, _key: str, _value: bytes, *, after: int | None = None) -> int:
        raise AssertionError("a reader writes nothing")

    async def get(self, _key: str) -> Held | None:
        raise AssertionError("a reader follows")

    async def lease(self, _name: str, _holder: str, _seconds: float) -> bool:
        raise AssertionError("a reader has no lease")

    async def close(self) -> None:
        return


class Looked(Fleet):
    """Counts how often it is looked what is missing."""

    times = 0

    def missing(self) -> Iterator[tuple[str, type[Build | Variant]]]:
        self.times += 1
        return super().missing()


def held(host: str, seq: int = 0, builds: tuple[HostBuild, ...] = ()) -> Held:
    return Held(f"hosts.{host}", dump_record(HostRecord(name=host, seq=seq, builds=builds)), seq + 1)


def test_others_have_their_turn_while_one_host_changes_without_end() -> None:
    """However many hosts there are."""

    async def run() -> int:
        store = Telling([held("a", seq) for seq in range(5000)])
        following = asyncio.ensure_future(StoreReader(store, Fleet()).run())
        turns = 0
        while not store.told.is_set():
            await asyncio.sleep(0)
            turns += 1
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        return turns

    assert aio(run()) >= 100


def test_what_nobody_has_is_asked_for_now_and_then_however_much_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    again_s = 0.1
    monkeypatch.setattr("prober.fleet.reader._MISSING_S", again_s)

    async def run() -> None:
        fleet = Looked()
        store = Telling([held("a", seq, (ONE,)) for seq in range(100)], pause_s=0.002)
        reader = StoreReader(store, fleet)
        following = asyncio.ensure_future(reader.run())
        await asyncio.wait_for(store.told.wait(), PATIENCE)
        assert set(reader.damaged) == {ONE.build, ONE.variant}
        before, began = fleet.times, time.monotonic()
        await asyncio.sleep(10 * again_s)
        # Twice a time: what to fetch, and whether anything is left.
        assert fleet.times - before <= 2 * ((time.monotonic() - began) / again_s + 2)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    aio(run())


def test_a_build_that_no_host_names_any_more_is_not_told_of() -> None:
    async def run() -> None:
        store = Telling([held("a", 0, (ONE,)), Gone("hosts.a")], pause_s=0.1)
        reader = StoreReader(store, Fleet())
        following = asyncio.ensure_future(reader.run())
        until = time.monotonic() + PATIENCE
        while ONE.build not in reader.damaged:
            assert time.monotonic() < until
            await asyncio.sleep(0.001)
        while reader.damaged:
            assert time.monotonic() < until
            await asyncio.sleep(0.001)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    aio(run())
