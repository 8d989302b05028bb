"""Few QEMUs run at the same time, and few questions wait for their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from prober.errors import BusyError
from prober.proof.watched import tell_step

T = TypeVar("T")


class ProofTurns:
    """Work that starts QEMUs, at most ``at_once`` at the same time, and at most ``waiting`` besides.  For one event
    loop."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._under_way: set[asyncio.Task[Any]] = set()

    def start(self, work: Callable[[], Awaitable[T]]) -> asyncio.Task[T]:
        """Have work done when it is its turn; it goes on whoever goes away, until it is done or all is closed.

        :raise BusyError: where too much waits already.
        """
        if len(self._under_way) >= self._most:
            raise BusyError("too many lines wait to be proven", hint="try again in a second")
        task = asyncio.ensure_future(self._in_turn(work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def close(self) -> None:
        """Stop all that is under way; nothing of it is left.  May be called twice."""
        tasks = [*self._under_way]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _in_turn(self, work: Callable[[], Awaitable[T]]) -> T:
        if self._turns.locked():
            tell_step("waits")
        async with self._turns:
            tell_step("begins")
            return await work()
