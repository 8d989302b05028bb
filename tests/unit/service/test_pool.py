"""The workers as they are: deadline, full queue, shares, death, memory, and what is left."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from prober.errors import BusyError, ServiceError, WorkError
from prober.service.messages import ClientGoneError
from prober.service.questions import WorkAsker
from prober.service.workers.pool import OURSELVES, PoolSettings, WorkerPool
from prober.service.workers.start import Nursery
from tests.conftest import aio
from tests.proc import is_alive, runs
from tests.unit.capabilities import asking
from tests.unit.service.running import shared_nursery

pytestmark = pytest.mark.slow

WORDS = {"do": "words", "declared": "text/plain"}
#: Longer than any of this takes on a busy machine.
LONG = 60.0
until = partial(asking.until, within=LONG)


def with_pool(body: Callable[[WorkerPool], Awaitable[None]], **settings: Any) -> None:
    """A pool whose workers are there; at its end none is left."""

    async def go() -> None:
        pool = WorkerPool(shared_nursery(), PoolSettings(**{"work_s": LONG, **settings}))
        try:
            await pool.load()
            await body(pool)
        finally:
            left = pool.pids()
            await pool.close()
        await until(lambda: not any(map(is_alive, left)))

    aio(go(), debug=False)


def stop(pool: WorkerPool) -> None:
    """Whatever the workers are asked takes for ever."""
    for pid in pool.pids():
        os.kill(pid, signal.SIGSTOP)


async def split(pool: WorkerPool, asker: WorkAsker = OURSELVES) -> bytes:
    return (await pool.ask(WORDS, b"a b", asker)).body


def test_it_answers() -> None:
    async def body(pool: WorkerPool) -> None:
        assert await split(pool) == b'["a", "b"]'
        assert pool.figures.answered == {"words": 1}

    with_pool(body)


def test_what_takes_too_long_is_ended_and_told_and_the_next_is_answered() -> None:
    async def body(pool: WorkerPool) -> None:
        stopped = pool.pids()
        stop(pool)
        began = time.monotonic()
        with pytest.raises(WorkError, match="takes longer than the 0"):
            await split(pool)
        assert time.monotonic() - began >= 0.5
        assert pool.figures.replaced == {"deadline": 1}
        await until(lambda: not is_alive(stopped[0]))
        assert await split(pool) == b'["a", "b"]'
        assert stopped != pool.pids()

    with_pool(body, workers=1, work_s=0.5)


def test_more_than_may_wait_are_refused_and_none_of_the_others_is_lost() -> None:
    async def body(pool: WorkerPool) -> None:
        stop(pool)
        asked = [asyncio.ensure_future(split(pool)) for _ in range(3)]
        await until(lambda: pool.figures.waiting == 2)
        with pytest.raises(BusyError):
            await split(pool)
        assert pool.figures.refused == 1
        for pid in pool.pids():
            os.kill(pid, signal.SIGCONT)
        assert await asyncio.gather(*asked) == [b'["a", "b"]'] * 3

    with_pool(body, workers=1, waiting=2)


def test_a_user_who_has_all_loses_half_to_one_who_waits_and_is_answered_later() -> None:
    async def body(pool: WorkerPool) -> None:
        stop(pool)
        first = [asyncio.ensure_future(split(pool, WorkAsker(1))) for _ in range(4)]
        await until(lambda: pool.figures.busy == 2)
        # Both stand still; for the other one a worker is made.
        assert await split(pool, WorkAsker(2)) == b'["a", "b"]'
        assert pool.figures.replaced == {"share": 1}
        # One of them still stands still, and the new worker is theirs too now that nobody else waits.
        await until(lambda: sum(task.done() for task in first) == 3)
        for pid in pool.pids():
            os.kill(pid, signal.SIGCONT)
        assert await asyncio.gather(*first) == [b'["a", "b"]'] * 4

    with_pool(body)


def test_a_worker_that_is_killed_at_a_question_is_replaced_and_the_question_answered() -> None:
    async def body(pool: WorkerPool) -> None:
        (pid,) = pool.pids()
        stop(pool)
        asked = asyncio.ensure_future(split(pool))
        await until(lambda: pool.figures.busy == 1)
        await asyncio.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
        assert await asked == b'["a", "b"]'
        assert pool.figures.replaced == {"killed": 1}

    with_pool(body, workers=1)


def test_what_kills_one_worker_after_the_other_is_given_up() -> None:
    async def body(pool: WorkerPool) -> None:
        with pytest.raises(WorkError, match="3 processes that worked on this have died"):
            await pool.ask({"slice": 1}, b"nonsense", OURSELVES)
        assert pool.figures.replaced == {"killed": 3}
        assert await split(pool) == b'["a", "b"]'

    with_pool(body)


def test_idle_workers_that_were_killed_are_replaced() -> None:
    async def body(pool: WorkerPool) -> None:
        for pid in pool.pids():
            os.kill(pid, signal.SIGKILL)
        assert await split(pool) == b'["a", "b"]'

    with_pool(body)


def test_what_takes_too_much_memory_is_told_so() -> None:
    async def body(pool: WorkerPool) -> None:
        frame = await pool.ask(WORDS, b"a " * 2_000_000, OURSELVES)
        assert (frame.head["status"], b"more memory than a worker may have" in frame.body) == (503, True)
        assert await split(pool) == b'["a", "b"]'

    with_pool(body, workers=1, memory=16 << 20)


def test_one_who_went_away_is_not_worked_for() -> None:
    async def body(pool: WorkerPool) -> None:
        with pytest.raises(ClientGoneError):
            await split(pool, WorkAsker(1, lambda: True))
        assert not pool.figures.answered
        assert await split(pool) == b'["a", "b"]'

    with_pool(body)


def test_one_who_is_cancelled_leaves_the_others_their_workers() -> None:
    async def body(pool: WorkerPool) -> None:
        stop(pool)
        asked = [asyncio.ensure_future(split(pool)) for _ in range(3)]
        await until(lambda: pool.figures.busy == 2)
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert await split(pool) == b'["a", "b"]'

    with_pool(body)


def test_a_nursery_that_was_killed_is_started_again() -> None:
    async def body() -> None:
        nursery = Nursery.spawn()
        pool = WorkerPool(nursery, PoolSettings(work_s=LONG))
        try:
            assert await split(pool) == b'["a", "b"]'
            assert nursery.pid is not None
            workers = pool.pids()
            os.kill(nursery.pid, signal.SIGKILL)
            # They die with it.
            await until(lambda: not any(map(is_alive, workers)))
            assert await split(pool) == b'["a", "b"]'
        finally:
            await pool.close()
            await asyncio.to_thread(nursery.close)
        assert nursery.pid is None

    aio(body(), debug=False)


def test_after_the_end_nothing_is_begun() -> None:
    async def body(pool: WorkerPool) -> None:
        stop(pool)
        asked = [asyncio.ensure_future(split(pool)) for _ in range(3)]
        await until(lambda: pool.figures.busy == 2)
        await pool.close()
        for task in asked:
            with pytest.raises((BusyError, WorkError)):
                await task
        with pytest.raises(BusyError):
            await split(pool)
        assert pool.figures.replaced == {}

    with_pool(body)


def test_other_settings_are_for_other_workers() -> None:
    async def body(pool: WorkerPool) -> None:
        before = pool.pids()
        await pool.adopt(PoolSettings(workers=1))
        assert await split(pool) == b'["a", "b"]'
        assert len(pool.pids()) == 1
        assert not set(before) & set(pool.pids())

    with_pool(body)


def test_a_host_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    wrong = tmp_path / "host.toml"
    wrong.write_text("nonsense = 1")

    async def body(pool: WorkerPool) -> None:
        before = pool.pids()
        with pytest.raises(ServiceError, match="nonsense"):
            await pool.adopt(PoolSettings(host=str(wrong)))
        assert pool.pids() == before
        os.kill(before[0], signal.SIGKILL)
        await until(lambda: not is_alive(before[0]))
        await pool.load()
        await pool.read_host()

    with_pool(body)


def _held_by(pid: int) -> list[int]:
    """The descriptors of a process beside its standard streams."""
    return [fd for fd in map(int, os.listdir(f"/proc/{pid}/fd")) if fd > 2]


def _holds_one(pid: int) -> bool:
    return len(_held_by(pid)) == 1


def test_a_worker_holds_nothing_of_the_service_and_minds_no_signal_of_the_terminal() -> None:
    async def body(pool: WorkerPool) -> None:
        with Path(__file__).open():  # something that is open here
            for pid in pool.pids():
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    os.kill(pid, number)
                # It is there before it has closed what is the nursery's own.
                await until(partial(_holds_one, pid))
                assert os.readlink(f"/proc/{pid}/fd/{_held_by(pid)[0]}").startswith("socket:")
        before = pool.pids()
        assert await split(pool) == b'["a", "b"]'
        assert pool.pids() == before

    with_pool(body)


def test_a_pool_that_gets_no_workers_is_not_alive_until_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the process that makes them hangs."""
    # What is stuck for half a second is stuck.
    monkeypatch.setattr("prober.service.workers.pool._STARTS_WITHIN", 0.5 - 2 * LONG)

    async def go() -> None:
        nursery = Nursery.spawn()
        pool = WorkerPool(nursery, PoolSettings(workers=1, work_s=LONG))
        try:
            await pool.load()
            assert pool.is_alive()
            assert nursery.pid is not None
            os.kill(nursery.pid, signal.SIGSTOP)
            os.kill(pool.pids()[0], signal.SIGKILL)
            await until(lambda: not any(map(runs, pool.pids())))
            await asyncio.sleep(1)
            assert pool.is_alive(), "nobody waits"
            asked = asyncio.ensure_future(split(pool))
            await until(lambda: not pool.is_alive())
            os.kill(nursery.pid, signal.SIGCONT)
            assert await asked == b'["a", "b"]'
            assert pool.is_alive()
        finally:
            await pool.close()
            await asyncio.to_thread(nursery.close)

    aio(go(), debug=False)
