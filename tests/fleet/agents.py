"""Agents to test with: what they report of is a real service, whose QEMU is a fake."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from prober.capabilities import Capabilities
from prober.fleet.agent.agent import Agent, AgentSettings
from prober.fleet.agent.health import AgentHealth
from prober.fleet.agent.local import LocalHost, LocalQemu
from prober.fleet.agent.status import AgentStatus
from prober.fleet.known import Fleet as Known
from prober.fleet.reader import StoreReader
from prober.fleet.records import HostRecord, load_record
from prober.fleet.store.nats import NatsStore
from prober.service.local_host import ServiceHost
from tests.fakes.making import make_fake, small_answers
from tests.fleet.users import Users
from tests.integration.processes import PATIENCE
from tests.integration.service_process import Service, start_ready_service
from tests.unit.fleet.fleets import recorded

#: All that waits is short here; a lease is as long as a busy machine may stand still.
QUICK = AgentSettings("a", {"rack": "7"}, beat_s=0.2, lease_s=3.0, each_s=0.5, retry_s=(0.05, 0.3))


class Local:
    """A service with one QEMU, which can become another."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.qemu = make_fake(directory, "good")
        self.service: Service

    def upgrade(self, micro: int) -> None:
        """Another version lies at its path."""
        answers = small_answers()
        answers["query-version"]["return"]["qemu"]["micro"] = micro
        table = self._directory / "good.answers.json"
        new = table.with_suffix(".new")
        new.write_text(json.dumps(answers))
        new.replace(table)
        os.utime(self.qemu)

    def answers(self) -> bool:
        """Whether the service does."""
        with self.service.client() as client:
            return client.get("/healthz").ok


@contextmanager
def start_local(directory: Path) -> Iterator[Local]:
    """The service, ready."""
    made = Local(directory)
    with start_ready_service(
        directory,
        "--directory",
        directory / "none",
        "--binary",
        made.qemu,
        environment={"PROBER_CATALOG__POLL_S": "0.1"},
        measured=False,
    ) as made.service:
        yield made


@asynccontextmanager
async def reporting(
    users: Users,
    host: Path | LocalHost,
    settings: AgentSettings = QUICK,
    holder: str = "one",
    user: str = "a",
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[AgentStatus]:
    """An agent that works, and how it is."""
    health = AgentHealth(settings.name, settings.beat_s)
    store = await users.open(user)
    agent = Agent(store, ServiceHost(host) if isinstance(host, Path) else host, settings, holder, health, clock=clock)
    task = asyncio.create_task(agent.run())
    try:
        yield health.status
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await store.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait for it, not for ever."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def record_of(store: NatsStore, name: str = "a") -> HostRecord:
    """What a host's record says."""
    held = await store.get(f"hosts.{name}")
    assert held is not None
    return load_record(name, held.value)


def versions(known: Known) -> set[str]:
    """Which QEMUs hosts have."""
    return {str(build.inventory.version) for build in known.builds.values()}


async def read(store: NatsStore) -> tuple[Known, StoreReader]:
    """What a reader makes of the store."""
    known = Known()
    reader = StoreReader(store, known)
    await reader.catch_up()
    return known, reader


class Changing:
    """A host in this process, with one QEMU, which can become another one: a real build each time."""

    def __init__(self) -> None:
        self.micro = 0
        self._caps = recorded("7.2.22")

    def upgrade(self, micro: int) -> None:
        """Another version lies at its path."""
        self.micro = micro

    async def changes(self) -> AsyncGenerator[None, None]:
        while True:
            known = self.micro
            yield
            while known == self.micro:
                await asyncio.sleep(0.02)

    async def qemus(self) -> list[LocalQemu]:
        return [LocalQemu("qemu", "/usr/bin/qemu", str(self.micro), True, False)]

    async def capabilities(self, id: str) -> Capabilities:
        version = self._caps.version.model_copy(update={"micro": self.micro})
        return self._caps.model_copy(update={"version": version})


class Flapping(Changing):
    """It knows another QEMU at every look, and tells of a hundred changes."""

    async def changes(self) -> AsyncGenerator[None, None]:
        for self.micro in range(1, 101):
            yield
            await asyncio.sleep(0.03)
        await asyncio.Event().wait()
