"""The agent: it follows what the service of its host knows, and keeps the host's record in the store true.

Three loops: one follows the service, one writes, one beats.  What is to be written is looked up when it is written, so
the last state always arrives, however many changes came before it.  A record is written where its content differs from
the one that is there, behind the builds and variants that it names; so whatever ends an agent, and wherever, the store
has the former record or the new one, and what the next agent finds lacking it gives.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import NoReturn

from prober.errors import FleetError, ProberError, ServiceError, StoreConflictError, StoreError
from prober.fleet.agent.health import AgentHealth
from prober.fleet.agent.local import LocalHost, LocalQemu
from prober.fleet.giving import give_qemu
from prober.fleet.pace import Backoff, Bucket, jittered, waited
from prober.fleet.records import HostBuild, HostRecord, dump_record, load_record, make_record
from prober.fleet.store.protocol import HOSTS, LEASES, Held, Reporting

log = logging.getLogger(__name__)

#: How long (seconds) the words that say goodbye may take.
_GOODBYE_S = 3.0


@dataclass(frozen=True)
class AgentSettings:
    """How an agent does its work.  Times are seconds.

    ``name`` is what the host is called in the fleet, ``follows_machine`` whether the machine gave that name.  It beats
    every ``beat_s``; a lease lasts ``lease_s`` and is renewed three times in it.  ``burst`` records are written at
    once, and then one each ``each_s``.  What fails is tried again after ``retry_s``, at first and at most.  On its
    first look it waits ``settle_s`` at most for QEMUs that are being asked.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    follows_machine: bool = False
    beat_s: float = 30.0
    lease_s: float = 300.0
    burst: int = 3
    each_s: float = 20.0
    retry_s: tuple[float, float] = (1.0, 60.0)
    settle_s: float = 30.0


class Agent:
    """Reports one host.  ``holder`` is who this host is, where another one has its name (:mod:`.identity`)."""

    def __init__(
        self,
        store: Reporting,
        host: LocalHost,
        settings: AgentSettings,
        holder: str,
        health: AgentHealth,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._host, self._settings, self._holder, self._health = store, host, settings, holder, health
        self._clock = clock
        self._key = f"{HOSTS}{settings.name}"
        self._bucket = Bucket(settings.burst, settings.each_s)
        self._wanted = asyncio.Event()
        self._told = asyncio.Event()
        self._held_since: float | None = None
        self._record: HostRecord | None = None
        self._held: Held | None = None
        self._known: dict[str, tuple[str, HostBuild]] = {}
        self._settled_by: float | None = None

    async def run(self) -> NoReturn:
        """Report, until it is cancelled; then the name is let go of."""
        # Before anything is begun: a name or a label that is none would never be taken.
        make_record(self._settings.name, seq=0, time=0, labels=self._settings.labels, builds=())
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tried(self._follow), name="follow the service")
                group.create_task(self._tried(self._write), name="write the record")
                group.create_task(self._beat(), name="beat")
        finally:
            await self._let_go()
        raise AssertionError("what never ends has ended")

    async def _tried(self, work: Callable[[Backoff], Awaitable[None]]) -> None:
        """Work that never ends, begun anew where it fails, after a pause that it sets back when something goes well."""
        backoff = Backoff(*self._settings.retry_s)
        while True:
            try:
                await work(backoff)
            except ProberError as error:
                await self._health.failed(error)
                await asyncio.sleep(backoff.next())

    async def _follow(self, backoff: Backoff) -> None:
        async with aclosing(self._host.changes()) as changes:
            async for _ in changes:
                backoff.reset()
                await self._health.service_is_well()
                self._wanted.set()

    async def _write(self, backoff: Backoff) -> None:
        bucket = self._bucket
        while True:
            await waited(self._wanted, self._until_renewal())
            if not await self._hold():
                await asyncio.sleep(jittered(min(self._settings.lease_s / 3, 30.0)))
                continue
            if not self._wanted.is_set():
                continue
            if pause := bucket.take():
                await asyncio.sleep(min(pause, self._until_renewal()))
                continue
            self._wanted.clear()
            try:
                await self._push()
            except BaseException:
                self._wanted.set()
                raise
            backoff.reset()

    def _is_held(self) -> bool:
        """Whether nobody else can have the name now."""
        return self._held_since is not None and time.monotonic() < self._held_since + self._settings.lease_s

    def _until_renewal(self) -> float:
        if self._held_since is None:
            return 0.0
        return max(0.0, self._held_since + self._settings.lease_s / 3 - time.monotonic())

    async def _hold(self) -> bool:
        """Whether the name is ours; renewed where it is time, and looked then whether the record is still ours."""
        if self._until_renewal() > 0:
            return True
        # Counted from before the writing, as those who want it count from behind it.
        now = time.monotonic()
        is_ours = await self._store.lease(self._settings.name, self._holder, self._settings.lease_s)
        self._held_since = now if is_ours else None
        await self._health.leased(is_ours=is_ours)
        if self._settings.follows_machine:
            await self._health.machine_is(socket.gethostname())
        if not is_ours:
            self._forget()
            return False
        held = await self._store.get(self._key)
        # An older one is what a server of a cluster tells that is behind the others.
        if self._held is not None and (held is None or held.revision > self._held.revision):
            log.warning("the record of %s was changed by somebody else; it is written anew", self._settings.name)
            self._forget()
        if self._record is None:
            self._look_at(held)
        return True

    def _forget(self) -> None:
        """What was in the store may be there no more: all of it is looked at anew."""
        self._record = self._held = None
        self._known.clear()
        self._told.clear()
        self._wanted.set()

    def _look_at(self, held: Held | None) -> None:
        self._held = held
        try:
            self._record = None if held is None else load_record(self._settings.name, held.value)
        except FleetError as error:
            log.warning("%s; it is written anew", error)
            self._record = None

    async def _push(self) -> None:
        """Write the record, where it differs from the one that is there."""
        builds = await self._builds()
        seq = 0 if self._record is None else self._record.seq
        new = make_record(
            self._settings.name, seq=seq + 1, time=int(self._clock()), labels=self._settings.labels, builds=builds
        )
        there = self._record
        if there is None or (there.labels, there.builds) != (new.labels, new.builds):
            value = dump_record(new)
            if not self._is_held():
                self._held_since = None
                raise StoreError(f"the name {self._settings.name} was not renewed in time; it is asked for again")
            try:
                revision = await self._store.put(
                    self._key, value, after=0 if self._held is None else self._held.revision
                )
            except StoreError as error:
                # It may have been written all the same: what is there is looked at before the next try.
                self._held_since = None
                self._record = self._held = None
                if isinstance(error, StoreConflictError):
                    log.warning("somebody else has written the record of %s", self._settings.name)
                raise
            self._held, self._record = Held(self._key, value, revision), new
            there = new
            await self._health.pushed(new)
        await self._health.is_there(there)
        self._told.set()

    async def _builds(self) -> list[HostBuild]:
        """What the record is to have; one QEMU after the other, so that no two are in memory at once."""
        qemus = await self._settled()
        before = {build.path: build for build in (self._record.builds if self._record else ())}
        found: list[HostBuild] = []
        for qemu in sorted(qemus, key=lambda one: one.path):
            build = await self._build(qemu) if qemu.is_ready else None
            if build is None and (qemu.is_ready or qemu.is_awaited):
                build = before.get(qemu.path)  # Until there is another answer, which is a change.
            if build is not None:
                found.append(build)
        self._known = {one.id: self._known[one.id] for one in qemus if one.id in self._known}
        return found

    async def _build(self, qemu: LocalQemu) -> HostBuild | None:
        mark, build = self._known.get(qemu.id, ("", None))
        if build is not None and mark == qemu.mark:
            return build
        capabilities = await self._host.capabilities(qemu.id)
        if capabilities is None:
            return None
        build, given = await give_qemu(self._store, self._settings.name, qemu.path, capabilities)
        self._health.status.uploads += given
        self._known[qemu.id] = qemu.mark, build
        return build

    async def _settled(self) -> list[LocalQemu]:
        """The QEMUs.  At first those that are being asked are waited for, or each would be a record of its own."""
        if self._settled_by is None:
            self._settled_by = time.monotonic() + self._settings.settle_s
        while True:
            try:
                qemus = await self._host.qemus()
            except ServiceError:
                self._settled_by = None
                raise
            if time.monotonic() >= self._settled_by or not any(one.is_awaited for one in qemus):
                self._settled_by = 0.0
                return qemus
            await asyncio.sleep(0.2)

    async def _beat(self) -> None:
        """Tell that the host is there, whether or not its service is; but only where its name is its own."""
        while True:
            await self._health.tick()
            await waited(self._told, self._settings.beat_s)
            if not self._told.is_set():
                continue
            if self._record is not None and self._is_held():
                try:
                    await self._store.beat(self._settings.name, self._record.seq)
                    self._health.status.beats += 1
                    await self._health.store_is_well()
                except StoreError as error:
                    await self._health.failed(error)
            # Between 0.9 and 1.1 of it.
            await asyncio.sleep(self._settings.beat_s * 0.7 + jittered(0.4 * self._settings.beat_s))

    async def _let_go(self) -> None:
        """Let the name go, so that this host need not wait for itself when it was booted anew."""
        if not self._is_held():
            return
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await self._store.put(f"{LEASES}{self._settings.name}", b"")
