"""The parts of the agent: how often it does something, who it is, and what is seen of it from outside."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from prober.cli.metrics import metrics_command
from prober.errors import FleetError, StoreError, UsageError
from prober.fleet.agent.agent import Agent, AgentSettings
from prober.fleet.agent.health import AgentHealth
from prober.fleet.agent.identity import read_identity
from prober.fleet.agent.metrics import as_metrics
from prober.fleet.agent.status import AgentStatus, AskedSide, read_status, write_status
from prober.fleet.pace import Backoff, Bucket, waited
from prober.fleet.store.feed import _Inbox
from prober.fleet.store.nats import NatsStore
from prober.fleet.store.nkeys import make_seed, read_credentials
from prober.service.doctor.agent import look_at_agent
from prober.service.local_host import ServiceHost
from tests.conftest import aio

WELL = AgentStatus(name="node1", pid=7, sequence=3, qemus=2, lease="held")


def test_a_bucket_gives_some_at_once_and_then_one_each_time() -> None:
    now = 100.0
    bucket = Bucket(3, 20.0, clock=lambda: now)
    assert [bucket.take() for _ in range(4)] == [0.0, 0.0, 0.0, 20.0]
    now += 15
    assert bucket.take() == 5.0
    now += 5
    assert [bucket.take(), bucket.take()] == [0.0, 20.0]
    now += 1000  # no more than its size comes together
    assert [bucket.take() for _ in range(4)] == [0.0, 0.0, 0.0, 20.0]


def test_pauses_double_and_differ_and_begin_anew() -> None:
    pauses = Backoff(1.0, 8.0)
    told = [pauses.next() for _ in range(6)]
    for pause, most in zip(told, (1, 2, 4, 8, 8, 8), strict=True):
        assert most / 2 <= pause <= most
    pauses.reset()
    assert pauses.next() <= 1.0
    assert len({Backoff(1.0, 8.0).next() for _ in range(20)}) > 10


def _for_an_event() -> tuple[Callable[[], Awaitable[object]], Callable[[], None]]:
    event = asyncio.Event()
    return lambda: waited(event, 60.0), event.set


def _for_a_message() -> tuple[Callable[[], Awaitable[object]], Callable[[], None]]:
    inbox = _Inbox()
    return inbox.next, lambda: inbox.take(b"subject", b"", b"", None)


@pytest.mark.parametrize("turns", range(5))
@pytest.mark.parametrize("make", [_for_an_event, _for_a_message])
def test_who_waits_and_is_cancelled_while_it_comes_has_ended(
    make: Callable[[], tuple[Callable[[], Awaitable[object]], Callable[[], None]]], turns: int
) -> None:
    """Or a reader that is told to stop while hosts report would go on."""

    async def run() -> None:
        wait, come = make()

        async def work() -> None:
            await wait()
            await asyncio.Event().wait()

        task = asyncio.ensure_future(work())
        await asyncio.sleep(0.01)
        come()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        ended, _ = await asyncio.wait([task], timeout=5)
        assert ended and task.cancelled()

    aio(run())


def test_a_wait_has_an_end_and_says_whether_it_came() -> None:
    async def run() -> None:
        event = asyncio.Event()
        assert not await waited(event, 0.01)
        assert not await waited(event, 0.0)
        event.set()
        assert await waited(event, 0.0)

    aio(run())


def test_a_host_is_another_when_it_is_another_machine_or_was_booted_anew(tmp_path: Path) -> None:
    found = set()
    for number, (machine, boot) in enumerate((("a", "1"), ("a", "2"), ("b", "1"), ("", "1"))):
        root = tmp_path / str(number)
        (root / "etc").mkdir(parents=True)
        (root / "proc/sys/kernel/random").mkdir(parents=True)
        if machine:
            (root / "etc/machine-id").write_text(machine)
        (root / "proc/sys/kernel/random/boot_id").write_text(boot)
        found.add(read_identity(root))
        assert read_identity(root) == read_identity(root)
    assert len(found) == 4
    assert len(read_identity()) == 24


def test_a_status_is_read_as_it_was_written_and_nothing_else_is(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    assert read_status(path) is None
    write_status(path, WELL)
    assert read_status(path) == WELL
    assert path.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in tmp_path.iterdir()] == ["status.json"]
    for data in (b"", b"{}", b"\xff", b'{"name":"a","pid":1,"form":2}', WELL.model_dump_json().encode() + b" " * 70000):
        path.write_bytes(data)
        if len(data) > 60000:
            assert read_status(path) == WELL  # what is beyond the bound is not read
            continue
        with pytest.raises(FleetError, match="not what an agent"):
            read_status(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(FleetError, match="is no file"):
        read_status(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(FleetError, match="is no file"):
        read_status(path)
    path.rmdir()
    path.symlink_to("/etc/passwd")
    with pytest.raises(FleetError, match="cannot be read"):
        read_status(path)
    with pytest.raises(FleetError, match="cannot write"):
        write_status(tmp_path / "none" / "status.json", WELL)


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        ({}, "ok", "reported as node1: 2 QEMUs, record 3"),
        ({"at": 1000.0}, "problem", "the agent says nothing since"),
        ({"at": time.time() + 7200}, "problem", "the agent says nothing since"),  # the clock was set back
        (
            {"store": AskedSide(is_well=False, said="nobody there", since=5.0)},
            "problem",
            "cannot reach the store since",
        ),
        ({"service": AskedSide(is_well=False, said="nobody there")}, "problem", "cannot reach the service since"),
        ({"lease": "other"}, "problem", "another host reports under the name node1"),
        ({"machine": "node2"}, "notice", "is called node2, and is reported as node1"),
        ({"error": "too large"}, "problem", "cannot report this host: too large"),
    ],
)
def test_the_doctor_tells_how_the_agent_is(tmp_path: Path, change: dict[str, object], level: str, words: str) -> None:
    path = tmp_path / "status.json"
    assert look_at_agent(path) == []
    write_status(path, WELL.model_copy(update={"at": time.time(), **change}))
    found = look_at_agent(path)
    (told,) = (one for one in found if words in one.what)
    assert told.level == level
    assert (told.todo != "") == (level != "ok")
    path.write_text("x")
    assert [one.level for one in look_at_agent(path)] == ["problem"]


def test_metrics_are_prometheus_text() -> None:
    status = WELL.model_copy(update={"store": AskedSide(is_well=True), "pushes": 4, "beats": 9})
    families = {family.name: family for family in text_string_to_metric_families(as_metrics(status))}
    values = {name: family.samples[0].value for name, family in families.items()}
    assert values["prober_agent_store_up"] == 1
    assert values["prober_agent_service_up"] == 0
    assert values["prober_agent_name_held"] == 1
    assert values["prober_agent_records_written"] == 4
    assert values["prober_agent_beats"] == 9
    assert all(family.documentation for family in families.values())
    assert metrics_command.__doc__ and "agent" in metrics_command.__doc__


def test_a_name_that_is_none_ends_the_agent_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        store = NatsStore.open("nats://127.0.0.1:1")
        for settings in (AgentSettings("a b"), AgentSettings("a", {"ra ck": "7"})):
            with pytest.raises(UsageError):
                await Agent(store, ServiceHost(tmp_path / "s"), settings, "one", AgentHealth(settings.name, 1.0)).run()
        await store.close()

    aio(run())


def test_a_key_that_systemd_hands_over_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is root's, and looks as if a group could read it; anywhere else that is refused."""
    path = tmp_path / "fleet.key"
    path.write_text(make_seed())
    path.chmod(0o440)
    with pytest.raises(StoreError, match="others may use it"):
        read_credentials(path)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    if os.geteuid() == 0:
        assert read_credentials(path).public_key.startswith("U")
    for mode in (0o444, 0o460, 0o450):
        path.chmod(mode)
        with pytest.raises(StoreError, match="others may use it"):
            read_credentials(path)
    (tmp_path / "below").mkdir()
    other = tmp_path / "below" / "key"
    other.write_text(make_seed())
    other.chmod(0o440)
    with pytest.raises(StoreError, match="others may use it"):
        read_credentials(other)
