"""What a watcher was told, so that a list taken anew tells what differs and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing

from prober.errors import StoreError
from prober.fleet.pace import Backoff, waited
from prober.fleet.store.protocol import MOST_KEYS, Away, CaughtUp, Event, Gone, Held


class Following:
    """The keys that a watcher knows of, each with its revision."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._listed: set[str] | None = set()

    def begin(self) -> None:
        """A list of all keys begins, up to :meth:`end`."""
        self._listed = set()

    def held(self, held: Held) -> Iterator[Event]:
        """A key has this: what is to be told."""
        if held.key not in self._known and len(self._known) >= MOST_KEYS:
            return
        if self._listed is not None:
            self._listed.add(held.key)
        if self._known.get(held.key) != held.revision:
            self._known[held.key] = held.revision
            yield held

    def gone(self, key: str) -> Iterator[Event]:
        """A key was taken away: what is to be told."""
        if self._listed is not None:
            self._listed.discard(key)
        if self._known.pop(key, None) is not None:
            yield Gone(key)

    def end(self) -> Iterator[Event]:
        """The list is at its end: what is to be told."""
        if self._listed is not None:
            for key in self._known.keys() - self._listed:
                del self._known[key]
                yield Gone(key)
            self._listed = None
        yield CaughtUp()


async def watch_anew(
    follow: Callable[[Following], AsyncGenerator[Event, None]], closed: asyncio.Event, pauses: Backoff
) -> AsyncGenerator[Event, None]:
    """What ``follow`` tells until the store is closed.  Where it raises :class:`~prober.errors.StoreError`, it is told
    once that the store is away, and ``follow`` begins anew after a pause.
    """
    following, is_away = Following(), False
    while not closed.is_set():
        try:
            async with aclosing(follow(following)) as events:
                async for event in events:
                    is_away = False
                    pauses.reset()
                    yield event
        except StoreError as error:
            if not is_away and not closed.is_set():
                is_away = True
                yield Away(error)
        await waited(closed, pauses.next())
