"""What an agent says of itself: each turn of things once in the log, and all of it in its status."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable

from prober.errors import ProberError, StoreConflictError, StoreError
from prober.fleet.agent.status import AgentStatus, AskedSide
from prober.fleet.records import HostRecord

log = logging.getLogger(__name__)

#: What lasts is told again in the log after so long (seconds).
_AGAIN_S = 600.0


class AgentHealth:
    """Keeps the status.  ``write`` is called in a thread with each new one; what it raises is logged once."""

    def __init__(self, name: str, beat_s: float, write: Callable[[AgentStatus], None] | None = None) -> None:
        self.status = AgentStatus(name=name, pid=os.getpid(), beat_s=beat_s)
        self._write = write
        self._cannot_write = False
        self._said: dict[str, float] = {}
        self._lock = asyncio.Lock()

    async def tick(self) -> None:
        """It is still alive."""
        async with self._lock:
            self.status.at = time.time()
            if self._write is None:
                return
            try:
                await asyncio.to_thread(self._write, self.status.model_copy(deep=True))
                self._cannot_write = False
            except ProberError as error:
                if not self._cannot_write:
                    log.warning("%s", error)
                self._cannot_write = True

    async def failed(self, error: ProberError) -> None:
        """Something did not go well, and is tried again."""
        self.status.failures += 1
        if isinstance(error, StoreConflictError):
            log.warning("somebody else has written what is %s's: %s", self.status.name, error.message)
            return
        name = "store" if isinstance(error, StoreError) else "service" if error.kind == "service" else ""
        side = self.status.store if name == "store" else self.status.service
        if not name:
            self.status.error = f"{error}"[:500]
            self._say(logging.ERROR, "cannot report this host: %s", f"{error}")
        elif side.is_well is not False or side.said != error.message:
            log.warning("the %s is away, and is tried again: %s", name, error)
            since = side.since if side.is_well is False else time.time()
            new = AskedSide(is_well=False, since=since, said=error.message[:500], hint=error.hint[:300])
            self._set(name, new)
        await self.tick()

    async def store_is_well(self) -> None:
        """The store has taken something."""
        await self._well("store", self.status.store)

    async def service_is_well(self) -> None:
        """The service has answered."""
        await self._well("service", self.status.service)

    async def leased(self, *, is_ours: bool) -> None:
        """The store has said whose the name is."""
        await self.store_is_well()
        was, self.status.lease = self.status.lease, "held" if is_ours else "other"
        if not is_ours:
            self._say(
                logging.ERROR,
                "another host reports under the name %s: this one writes nothing as long as that one does; "
                "give one of them another name (--name)",
                self.status.name,
            )
        elif was == "other":
            log.warning("the other host is silent: the name %s is this one's", self.status.name)
        if was != self.status.lease:
            await self.tick()

    async def machine_is(self, name: str) -> None:
        """What the machine is called now."""
        self.status.machine = "" if name == self.status.name else name
        if self.status.machine:
            self._say(
                logging.WARNING,
                "this machine is called %s by now, and is reported as %s until the agent is started anew, "
                "for which the store has to know a key for the new name",
                name,
                self.status.name,
            )

    async def pushed(self, record: HostRecord) -> None:
        """A record was written."""
        self.status.pushes += 1
        log.info("reported %d QEMUs as %s, record %d", len(record.builds), record.name, record.seq)

    async def is_there(self, record: HostRecord) -> None:
        """The store has the record that it should."""
        self.status.error = ""
        self.status.sequence, self.status.qemus = record.seq, len(record.builds)
        await self.store_is_well()
        await self.tick()

    async def _well(self, name: str, side: AskedSide) -> None:
        if side.is_well:
            return
        if side.is_well is False:
            log.warning("the %s is back", name)
        self._set(name, AskedSide(is_well=True, since=time.time()))
        await self.tick()

    def _set(self, name: str, side: AskedSide) -> None:
        if name == "store":
            self.status.store = side
        else:
            self.status.service = side

    def _say(self, level: int, words: str, *values: str) -> None:
        """Log it, but not again for a while."""
        now = time.monotonic()
        key = words % values
        if now - self._said.get(key, -_AGAIN_S) >= _AGAIN_S:
            self._said = {key: now, **{other: at for other, at in self._said.items() if now - at < _AGAIN_S}}
            log.log(level, words, *values)
