"""Leases, with clocks that go as they like: never two holders at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from prober.errors import StoreError
from prober.fleet.store.leases import Leases
from prober.fleet.store.open import open_store
from prober.fleet.store.protocol import Held, Store
from tests.conftest import aio

SECONDS = 10.0


class Clock:
    """A clock that is set."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Process:
    """One who wants the lease, with a clock of its own, and a network that can be cut."""

    def __init__(self, store: Store, name: str, now: float) -> None:
        self.name, self.clock, self.is_cut = name, Clock(now), False
        self._store = store
        self._leases = Leases(self._get, self._put, clock=self.clock)
        self._until = 0.0

    async def _get(self, key: str) -> Held | None:
        if self.is_cut:
            raise StoreError("cut off")
        return await self._store.get(key)

    async def _put(self, key: str, value: bytes, after: int) -> int:
        return await self._store.put(key, value, after=after)

    async def ask(self) -> bool:
        """Whether it got the lease, or has it still."""
        began = self.clock.now
        try:
            got = await self._leases.lease("job", self.name, SECONDS)
        except StoreError:
            return self.holds
        self._until = began + SECONDS if got else 0.0
        return got

    @property
    def holds(self) -> bool:
        """Whether it may act, by what it knows itself."""
        return self.clock.now < self._until


def run(path: Path, work: Callable[[Process, Process], Awaitable[None]]) -> None:
    async def opened() -> None:
        async with AsyncExitStack() as stack:
            store = await open_store(f"sqlite:{path / 'fleet.db'}")
            stack.push_async_callback(store.close)
            # Two clocks of two machines, which have nothing to do with each other.
            await work(Process(store, "one", 5.0), Process(store, "other", 1e9))

    aio(opened())


@pytest.mark.fault("partition")
def test_a_partition_of_100_seconds_has_no_two_holders(tmp_path: Path) -> None:
    async def work(one: Process, other: Process) -> None:
        holders = []
        assert await one.ask()
        for second in range(200):
            one.is_cut = 20 <= second < 120
            for process in (one, other):
                process.clock.now += 1
                await process.ask()
            assert not (one.holds and other.holds), second
            holders.append("one" if one.holds else "other" if other.holds else "")
        assert set(holders[:28]) == {"one"}
        taken = holders.index("other")
        assert 28 <= taken <= 32
        assert set(holders[taken:]) == {"other"}  # and who comes back finds it taken
        assert holders[:taken].count("") <= 2

    run(tmp_path, work)


@pytest.mark.parametrize("rate", [0.5, 3.0])
def test_a_slow_or_fast_clock_only_waits_longer_or_less(tmp_path: Path, rate: float) -> None:
    """Clocks of other rates are no fault that leases bear; a watcher that is slow takes later."""

    async def work(one: Process, other: Process) -> None:
        assert await one.ask()
        seconds = 0
        while not await other.ask():
            other.clock.now += rate
            seconds += 1
        assert seconds * rate == pytest.approx(SECONDS, abs=rate)

    run(tmp_path, work)


def test_a_holder_that_was_started_anew_goes_on(tmp_path: Path) -> None:
    async def work(one: Process, other: Process) -> None:
        assert await one.ask()
        again = Process(one._store, "one", 0.0)
        assert await again.ask()
        assert not await other.ask()

    run(tmp_path, work)


@pytest.mark.parametrize("value", [b"x", b"[]", b'{"holder": 7}', b"\xff", b"{" * 4000])
def test_what_cannot_be_read_is_taken_when_it_stood_still(tmp_path: Path, value: bytes) -> None:
    async def work(one: Process, other: Process) -> None:
        await one._put("leases.job", value, 0)
        assert not await other.ask()
        other.clock.now += SECONDS
        assert await other.ask()

    run(tmp_path, work)
