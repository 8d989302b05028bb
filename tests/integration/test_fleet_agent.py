"""`prober agent` between a real service, whose QEMU is a fake, and a real NATS server, under the packaged rights."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from prober.fleet.agent.status import read_status
from prober.fleet.store.protocol import Beat
from tests.conftest import aio
from tests.fleet.agents import QUICK, Flapping, Local, read, record_of, reporting, start_local, until, versions
from tests.fleet.cutting import cut_way
from tests.fleet.users import Fleet, start_fleet
from tests.integration.processes import PATIENCE, PROBER, run_prober, start_group, wait_until


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    with start_local(tmp_path_factory.mktemp("agent")) as made:
        yield made


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with start_fleet(tmp_path) as started:
        yield started


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


@pytest.mark.fault("flapping")
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


@pytest.mark.fault("store-killed")
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


@pytest.mark.fault("record")
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
                await keeper.put("hosts.a", b"x")
                await until(lambda: status.pushes == 4)
                assert (await record_of(reader)).builds

    aio(run())


@pytest.mark.fault("one-name")
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


@pytest.mark.fault("one-name")
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


@pytest.mark.fault("renamed")
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


@pytest.mark.fault("agent-killed")
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
