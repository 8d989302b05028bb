"""Work that has to come to its end, whoever gives up waiting for it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
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


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back from this thread until the end of it, where it has its way.

    For a fork: what Python itself calls around one (``os.register_at_fork``) tells of a KeyboardInterrupt and forgets
    it.  A new process holds it back as well, until it leaves this too, or unblocks the signal.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
