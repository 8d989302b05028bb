"""Work that has to come to its end, whoever gives up waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def uncancelled(awaitable: Awaitable[T]) -> T:
    """Finish this first, then let a cancellation that came meanwhile have its way.

    A thread has files open, or a process is to be reaped.
    """
    task = asyncio.ensure_future(awaitable)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # seen, so that nobody warns about it
        raise cancelled
    return task.result()
