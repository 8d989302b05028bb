"""What a command does for many: as many at a time as there are processors for two QEMUs each, and the exit code."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from prober.cli.exits import ExitCode
from prober.cli.output import ProgressLine
from prober.rehearsal.verdict import RehearsalVerdict

T = TypeVar("T")
R = TypeVar("R")

_CODES = {
    RehearsalVerdict.rehearsed: ExitCode.ok,
    RehearsalVerdict.in_part: ExitCode.ok,
    RehearsalVerdict.refused: ExitCode.refused,
    RehearsalVerdict.not_provable: ExitCode.unknown,
}

#: The worst first.
_ORDER = (ExitCode.usage, ExitCode.refused, ExitCode.unknown)


def exit_code_of(verdict: RehearsalVerdict | str, *, whole: bool = False) -> ExitCode:
    """The exit code of a verdict; ``whole`` is for whom a part is not enough."""
    if whole and verdict == RehearsalVerdict.in_part:
        return ExitCode.unknown
    return _CODES[RehearsalVerdict(verdict)]


def worst_of(codes: Sequence[ExitCode]) -> ExitCode:
    """The exit code for many."""
    return next((code for code in _ORDER if code in codes), ExitCode.ok)


async def in_turns(
    items: Sequence[T], work: Callable[[T], Awaitable[R]], done: Callable[[int], str], progress: ProgressLine
) -> list[R]:
    """What comes of each, in their order; ``done`` says in words how many are.

    What the first that fails raises is raised, and nothing is left of the others.
    """
    turns = asyncio.Semaphore(max(1, len(os.sched_getaffinity(0)) // 2))
    count = 0

    async def one(item: T) -> R:
        nonlocal count
        async with turns:
            result = await work(item)
        count += 1
        progress.show(done(count))
        return result

    tasks = [asyncio.ensure_future(one(item)) for item in items]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
