"""How often something is done: a bucket of tokens, a growing pause after a failure, and a wait that has an end."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress


class Bucket:
    """Some tokens, of which one comes back every so often.  ``clock`` tells monotonic seconds."""

    def __init__(self, tokens: int, each_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._each_s, self._clock = tokens, each_s, clock
        self._tokens, self._at = float(tokens), clock()

    def take(self) -> float:
        """Take a token: 0 where there was one, else how long (seconds) there is none, and none is taken."""
        now = self._clock()
        self._tokens = min(self._most, self._tokens + (now - self._at) / self._each_s)
        self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) * self._each_s


class Backoff:
    """Pauses that double from the first to the last, each between its half and its whole by chance.

    So a thousand hosts that lost a store at the same moment do not come back at the same moment.
    """

    def __init__(self, first_s: float, last_s: float) -> None:
        self._first_s, self._last_s = first_s, last_s
        self._next_s = first_s

    def next(self) -> float:
        """The next pause (seconds)."""
        pause, self._next_s = self._next_s, min(2 * self._next_s, self._last_s)
        return jittered(pause)

    def reset(self) -> None:
        """It went well: the next pause is the first one."""
        self._next_s = self._first_s


def jittered(seconds: float) -> float:
    """Between the half and the whole of it."""
    return seconds * (0.5 + random.random() / 2)  # noqa: S311 - no secret


async def waited(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, but not longer; whether it came.

    ``asyncio.wait_for`` of Python 3.11 forgets that it was cancelled where the event comes at the same moment.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
