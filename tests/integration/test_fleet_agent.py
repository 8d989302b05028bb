"""`prober agent` between a real service, whose QEMU is a fake, and a real NATS server, under the packaged rights."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from prober.capabilities import Capabilities
from prober.fleet.agent.agent import Agent, AgentSettings
from prober.fleet.agent.health import AgentHealth
from prober.fleet.agent.local import LocalHost, LocalQemu
from prober.fleet.agent.status import AgentStatus, read_status
from prober.fleet.known import Fleet as Known
from prober.fleet.reader import StoreReader
from prober.fleet.records import HostRecord, load_record
from prober.fleet.store.nats import NatsStore
from prober.fleet.store.protocol import Beat
from prober.service.local_host import ServiceHost
from tests.conftest import aio
from tests.fakes.making import make_fake, small_answers
from tests.fleet.cutting import cut_way
from tests.fleet.users import Fleet, Users, start_fleet
from tests.integration.processes import PATIENCE, PROBER, run_prober, start_group, wait_until
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


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    directory = tmp_path_factory.mktemp("agent")
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


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with start_fleet(tmp_path) as started:
        yield started


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


def test_a_host_is_told_of_and_each_change_of_it(fleet: Fleet, local: Local) -> None:
    """What is there already is given by nobody again; what differs is told once, however often the agent is started."""
    local.upgrade(1)

    async def run() -> None:
        async with fleet.users() as users:
            reader = await users.open("reader")
            async with reporting(users, local.service.socket) as status:
                await until(lambda: status.pushes and status.qemus)
                first = await record_of(reader)
                assert first.labels == {"rack": "7"}
                assert [build.path for build in first.builds] == [str(local.qemu)]
                pushes, sequence = status.pushes, status.sequence
                local.upgrade(2)
                await until(lambda: status.pushes > pushes and status.sequence != sequence)
                second = await record_of(reader)
                assert second.seq == status.sequence
                assert (second.builds[0].build != first.builds[0].build, second.builds[0].variant) == (
                    True,
                    first.builds[0].variant,
                )
                known, damaged = await read(reader)
                assert versions(known) == {"9.8.2"}
                assert damaged.damaged == {}
            # Started anew: all of it is there.
            async with reporting(users, local.service.socket) as status:
                await until(lambda: status.sequence is not None)
                assert (status.sequence, status.pushes, status.uploads) == (second.seq, 0, 0)
                assert await record_of(reader) == second
            # Another host with the same QEMU, its clock an hour ahead.
            ahead = replace(QUICK, name="b", labels={})
            async with reporting(
                users, local.service.socket, ahead, "two", "b", clock=lambda: time.time() + 3600
            ) as status:
                await until(lambda: status.sequence is not None)
                assert (status.pushes, status.uploads) == (1, 0)
            known, damaged = await read(reader)
            assert (sorted(known.hosts), damaged.damaged) == (["a", "b"], {})

    aio(run())


def test_it_beats_and_says_which_record_is_its_newest(fleet: Fleet, local: Local) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            reader = await users.open("reader")
            beats = reader.beats()
            heard: list[Beat] = []

            async def listen() -> None:
                async for beat in beats:
                    heard.append(beat)

            listening = asyncio.create_task(listen())
            async with reporting(users, local.service.socket) as status:
                await until(lambda: len(heard) > 3)
                assert set(heard) == {Beat("a", (await record_of(reader)).seq)}
                assert status.beats >= len(heard)
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    aio(run())


class Flapping:
    """A service that knows another QEMU at every look, and tells of a hundred changes."""

    def __init__(self) -> None:
        self.micro = 0
        self._caps = recorded("7.2.22")

    async def changes(self) -> AsyncGenerator[None, None]:
        for self.micro in range(1, 101):
            yield
            await asyncio.sleep(0.03)
        await asyncio.Event().wait()

    async def qemus(self) -> list[LocalQemu]:
        return [LocalQemu("qemu", "/usr/bin/qemu", str(self.micro), True, False)]

    async def capabilities(self, id: str) -> Capabilities:
        version = self._caps.version.model_copy(update={"micro": self.micro})
        return self._caps.model_copy(update={"version": version})


def test_one_that_flaps_writes_some_times_and_the_last_state_arrives(fleet: Fleet) -> None:
    """A hundred changes in some seconds: what is written goes by the bucket."""
    settings = replace(QUICK, burst=2, each_s=1.5)

    async def run() -> None:
        async with fleet.users() as users:
            reader = await users.open("reader")
            host, began = Flapping(), time.monotonic()
            async with reporting(users, host, settings) as status:
                await until(lambda: host.micro == 100)
                assert status.pushes <= 2 + (time.monotonic() - began) / settings.each_s
                async with asyncio.timeout(PATIENCE):
                    while "7.2.100" not in versions((await read(reader))[0]):
                        await asyncio.sleep(0.1)
                assert 2 <= status.pushes <= 2 + (time.monotonic() - began) / settings.each_s

    aio(run())


def test_store_and_service_go_and_come_back(fleet: Fleet, local: Local, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            async with reporting(users, local.service.socket) as status:
                await until(lambda: status.pushes)
                fleet.server.kill()
                await until(lambda: status.store.is_well is False)
                assert "the store" in status.store.said
                local.upgrade(50)
                await asyncio.sleep(0.5)
                assert await asyncio.to_thread(local.answers)  # the service answers as ever
                fleet.server.start()
                await until(lambda: status.store.is_well)
                reader = await users.open("reader")
                async with asyncio.timeout(PATIENCE):
                    while "9.8.50" not in versions((await read(reader))[0]):
                        await asyncio.sleep(0.1)
            away = [line for line in caplog.messages if line.startswith("the store is away")]
            assert 0 < len(away) <= 6, away  # not each try
            assert "the store is back" in caplog.messages

            # The agent was there before its service was.
            socket = users_socket(local)
            async with reporting(users, socket) as status:
                await until(lambda: status.service.is_well is False)
                assert status.pushes == 0
                socket.symlink_to(local.service.socket)
                await until(lambda: status.service.is_well and status.sequence is not None)
                socket.unlink()

    aio(run())


def users_socket(local: Local) -> Path:
    """Where there is no service yet."""
    return local.service.socket.with_name("later.sock")


def test_what_is_gone_from_the_store_is_given_again(fleet: Fleet, local: Local) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            keeper, reader = await users.open("keeper"), await users.open("reader")
            async with reporting(users, local.service.socket) as status:
                await until(lambda: status.pushes)
                await keeper.put("hosts.a", b"")
                await until(lambda: status.pushes == 2)
                assert (await record_of(reader)).builds
                await keeper.put("hosts.a", b'{"form":1,"name":"a","seq":70}')
                await until(lambda: status.pushes == 3)
                assert (await record_of(reader)).seq == 71

    aio(run())


def test_of_two_hosts_with_one_name_one_writes_and_the_other_says_so(
    fleet: Fleet, local: Local, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            reader = await users.open("reader")
            other = replace(QUICK, labels={"rack": "other"})
            async with reporting(users, local.service.socket, holder="one") as first:
                await until(lambda: first.pushes)
                async with reporting(users, local.service.socket, other, holder="two") as second:
                    await until(lambda: second.lease == "other")
                    await asyncio.sleep(2 * QUICK.lease_s)
                    assert (second.lease, second.pushes, second.beats, first.lease) == ("other", 0, 0, "held")
                    assert (await record_of(reader)).labels == {"rack": "7"}
                    assert "another host reports under the name a" in caplog.text
            # The first one has said goodbye: it is not waited for.
            async with reporting(users, local.service.socket, other, holder="two") as second:
                await until(lambda: second.pushes)
                assert (await record_of(reader)).labels == {"rack": "other"}

    aio(run())


def test_a_host_that_went_without_a_word_leaves_its_name_after_the_lease(fleet: Fleet, local: Local) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            gone = await users.open("a")
            assert await gone.lease("a", "gone", QUICK.lease_s)
            began = time.monotonic()
            async with reporting(users, local.service.socket) as status:
                await until(lambda: status.lease == "other")
                await until(lambda: status.pushes)
                assert time.monotonic() - began > QUICK.lease_s

    aio(run())


def test_a_host_of_another_name_is_another_host_and_needs_a_key_of_its_own(
    fleet: Fleet, local: Local, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with fleet.users() as users:
            reader = await users.open("reader")
            monkeypatch.setattr("socket.gethostname", lambda: "b")
            async with reporting(users, local.service.socket, replace(QUICK, follows_machine=True)) as status:
                await until(lambda: status.pushes and status.machine == "b")
                assert "this machine is called b by now" in caplog.text
            renamed = replace(QUICK, name="b")
            async with reporting(users, local.service.socket, renamed) as status:  # still with the key of a
                await until(lambda: status.store.is_well is False and "may not publish" in status.store.said)
                assert status.pushes == 0
            async with reporting(users, local.service.socket, renamed, user="b") as status:
                await until(lambda: status.pushes)
            assert sorted((await read(reader))[0].hosts) == ["a", "b"]  # of which a beats no more

    aio(run())


def test_a_store_in_a_file_is_none_that_hosts_report_to(tmp_path: Path) -> None:
    ended = run_prober("agent", "--store", f"sqlite:{tmp_path}/fleet.db", "--name", "a")
    assert (ended.code, "hosts report over NATS" in ended.err) == (2, True)
    strange = tmp_path / "key"
    strange.write_text("")
    strange.chmod(0o644)
    ended = run_prober("agent", "--store", "nats://127.0.0.1:1", "--name", "a", "--credentials", strange)
    assert ended.code != 0
    assert "chmod 0600" in ended.err
    for words, said in ((("--name", "a b"), "name of a host"), (("--name", "a", "--label", "x"), "no label")):
        ended = run_prober("agent", "--store", "nats://127.0.0.1:1", *words)
        assert (ended.code, said in ended.err) == (2, True)


def _sequence(status_file: Path) -> int | None:
    status = read_status(status_file)
    return None if status is None else status.sequence


@pytest.mark.parametrize("cut", [b"PUB builds.", b"HPUB $KV.fleet.hosts."])
def test_killed_while_it_sends_it_has_harmed_nothing(fleet: Fleet, local: Local, tmp_path: Path, cut: bytes) -> None:
    status_file = tmp_path / "status.json"

    async def run() -> None:
        async with fleet.users() as users:
            reader = await users.open("reader")
            with cut_way(fleet.server.port, cut) as way:
                command = [PROBER, "agent", "--store", f"nats://127.0.0.1:{way.port}"]
                command += ["--credentials", str(fleet.files["a"]), "--name", "a", "--socket"]
                command += [str(local.service.socket), "--status", str(status_file)]
                with start_group(command):  # which is killed at its end
                    await until(way.held.is_set)
                    status = await asyncio.to_thread(read_status, status_file)
                    assert status is not None and status.sequence is None
            known, damaged = await read(reader)
            assert (list(known.hosts), damaged.damaged) == ([], {})
            # The lease of the killed one has its host's name, which this one has as well.
            direct = [*command[:3], fleet.server.url, *command[4:]]
            with start_group(direct) as group:
                await asyncio.to_thread(wait_until, lambda: _sequence(status_file) is not None)
                assert (await record_of(reader)).builds
                assert (await read(reader))[1].damaged == {}
                await asyncio.to_thread(group.press_ctrl_c)
                assert "Traceback" not in group.printed
            assert not status_file.exists()

    aio(run())
