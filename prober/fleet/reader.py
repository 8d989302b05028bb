"""A reader of a store: it holds in memory what the store has, and follows each change.

What a store gives is not trusted.  A record that is not as it has to be counts as if the host had said nothing, and is
told in :attr:`StoreReader.damaged`; so is a build that nobody has, or that is not what its name says.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Literal, Protocol, TypeAlias

from prober.errors import FleetError, StoreError
from prober.fleet.blobs import unpack_part
from prober.fleet.known import Fleet
from prober.fleet.parts import Build, Variant
from prober.fleet.pulses import Pulses
from prober.fleet.records import load_record
from prober.fleet.store.protocol import HOSTS, Away, CaughtUp, Event, Gone, Held, Pulse, Store

log = logging.getLogger(__name__)

#: So many records are read in one go before others have their turn.
_AT_ONCE = 50

#: The most records that are told to be damaged.
_MOST_TOLD = 1000

#: How long (seconds) a build that nobody has is waited for before it is asked for again.
_MISSING_S = 10.0

#: A store that fell silent is away after so long (seconds) at most: what was known so long before was true then.
_NOTICED_S = 10.0

#: How often (seconds) it is looked who is silent; sooner where silence is short.
_SWEEP_S = 1.0

#: ``new``, ``changed``, ``gone``: a host's record; ``damaged``: it counts for nothing, or a build of it does;
#: ``silent`` and ``heard``: a host; ``away`` and ``back``: the store.
FleetChangeOf: TypeAlias = Literal["new", "changed", "gone", "damaged", "silent", "heard", "away", "back"]


class Told(Protocol):
    """Is told of changes, once all that was there is known."""

    def __call__(self, kind: FleetChangeOf, host: str = "", said: str = "", /) -> object: ...


def pulse_of(store: Store) -> Pulse | None:
    """The heartbeats of a store, where it has any."""
    return store if isinstance(store, Pulse) else None


class StoreReader:
    """Fills a :class:`~prober.fleet.known.Fleet` from a store.

    ``clock`` tells the seconds since 1970 by which an answer is dated.  ``away`` is why the store cannot be reached
    now, None while it can.  ``caught_up`` is set once all that was there is known.  ``pulses`` tell who is silent,
    where the store has heartbeats; ``beats`` is how many were heard.
    """

    def __init__(
        self,
        store: Store,
        fleet: Fleet,
        *,
        clock: Callable[[], float] = time.time,
        pulses: Pulses | None = None,
        told: Told | None = None,
    ) -> None:
        self.fleet = fleet
        self.beats = 0
        self._pulses = pulses
        self._told = told
        self.damaged: dict[str, str] = {}
        self.away: StoreError | None = None
        self.caught_up = asyncio.Event()
        self._store = store
        self._clock = clock
        self._taken = 0
        self._wanted = asyncio.Event()
        self._failed: dict[str, float] = {}

    async def catch_up(self) -> None:
        """Learn all that there is now, and stop.

        :raise StoreError: where the store cannot be reached.
        """
        async with aclosing(self._store.watch(HOSTS)) as events:
            async for event in events:
                if isinstance(event, Away):
                    raise event.error
                if isinstance(event, CaughtUp):
                    break
                await self._take(event)
        await self._fetch_missing()
        self._note_caught_up()

    async def run(self) -> None:
        """Follow the store, without end.  It may go away and come back."""
        works: list[Awaitable[None]] = [self._watch(), self._fetch()]
        pulse = pulse_of(self._store)
        if self._pulses is not None and pulse is not None:
            works += [self._listen(self._pulses, pulse), self._sweep(self._pulses)]
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def as_of(self) -> float:
        """When what is known was true: now, while the store is followed."""
        return self._clock() if self.caught_up.is_set() and self.away is None else self.fleet.as_of

    async def _watch(self) -> None:
        async with aclosing(self._store.watch(HOSTS)) as events:
            async for event in events:
                await self._follow(event)

    async def _listen(self, pulses: Pulses, pulse: Pulse) -> None:
        async with aclosing(pulse.beats()) as beats:
            async for beat in beats:
                self.beats += 1
                if pulses.note(beat.host, time.monotonic()):
                    self._tell("heard", beat.host)
                if self.beats % _AT_ONCE == 0:
                    await asyncio.sleep(0)

    async def _sweep(self, pulses: Pulses) -> None:
        while True:
            await asyncio.sleep(min(_SWEEP_S, pulses.silent_s / 4))
            while silent := pulses.sweep(time.monotonic(), self._clock(), _AT_ONCE):
                for host in silent:
                    self._tell("silent", host)
                await asyncio.sleep(0)

    def _tell(self, kind: FleetChangeOf, host: str = "", said: str = "") -> None:
        if self._told is not None and (self.caught_up.is_set() or kind == "away"):
            self._told(kind, host, said)

    async def _follow(self, event: Event) -> None:
        if isinstance(event, Away):
            if self.away is None and self.caught_up.is_set():
                self.fleet.as_of = max(self.fleet.as_of, self._clock() - _NOTICED_S)
            self.away = event.error
            if self._pulses is not None:
                self._pulses.pause(time.monotonic())
            log.warning("the store of the fleet is away: %s", event.error)
            self._tell("away", said=event.error.message)
            return
        if isinstance(event, CaughtUp):
            await self._fetch_missing()
            self._note_caught_up()
            return
        await self._take(event)
        if self.caught_up.is_set() and self.away is None:
            self.fleet.as_of = self._clock()
        self._wanted.set()

    def _note_caught_up(self) -> None:
        if self._pulses is not None:
            self._pulses.go_on(time.monotonic())
        if self.away is not None:
            log.warning("the store of the fleet is back")
            self._tell("back")
        self.away = None
        self.fleet.as_of = self._clock()
        self.caught_up.set()

    async def _take(self, event: Held | Gone) -> None:
        match event:
            case Held():
                name = event.key.removeprefix(HOSTS)
                is_new = name not in self.fleet.hosts
                try:
                    self.fleet.put_host(load_record(name, event.value))
                    self.damaged.pop(name, None)
                    if self._pulses is not None:
                        self._pulses.note(name, time.monotonic())
                    self._tell("new" if is_new else "changed", name)
                except FleetError as error:
                    self._drop(name)
                    self._note_damaged(name, error)
            case Gone():
                name = event.key.removeprefix(HOSTS)
                self._drop(name)
                self.damaged.pop(name, None)
                self._tell("gone", name)
        self._taken += 1
        if self._taken % _AT_ONCE == 0:
            await asyncio.sleep(0)

    def _drop(self, name: str) -> None:
        self.fleet.drop_host(name)
        if self._pulses is not None:
            self._pulses.forget(name)

    def _note_damaged(self, name: str, error: FleetError) -> None:
        if name not in self.damaged:
            log.warning("%s", error)
            self._tell("damaged", name, error.message)
        if len(self.damaged) < _MOST_TOLD:
            self.damaged[name] = str(error)

    async def _fetch(self) -> None:
        """Fetch what hosts name, as they name it; what nobody has is asked for again now and then."""
        while True:
            is_complete = not any(self.fleet.missing())
            with suppress(TimeoutError):
                async with asyncio.timeout(None if is_complete else _MISSING_S):
                    await self._wanted.wait()
            self._wanted.clear()
            await self._fetch_missing()

    async def _fetch_missing(self) -> None:
        """Fetch the builds and variants that hosts name and that are not known; what fails is told in ``damaged``."""
        now = time.monotonic()
        missing = list(self.fleet.missing())
        for name in self._failed.keys() - {name for name, _ in missing}:  # No host names it any more.
            del self._failed[name]
            self.damaged.pop(name, None)
        for name, kind in missing:
            if self._failed.get(name, 0.0) > now:
                continue
            try:
                await self._fetch_one(name, kind)
                self._failed.pop(name, None)
                self.damaged.pop(name, None)
            except FleetError as error:
                self._failed[name] = now + _MISSING_S / 2
                self._note_damaged(name, error)

    async def _fetch_one(self, name: str, kind: type[Build | Variant]) -> None:
        blob = await self._store.blob(name)
        if blob is None:
            raise FleetError(f"no host has given the {kind.__name__.lower()} {name}")
        made = await asyncio.to_thread(unpack_part, name, blob, kind)
        if isinstance(made, Build):
            self.fleet.builds[name] = made
        else:
            self.fleet.variants[name] = made
