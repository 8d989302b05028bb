"""A reader over a real NATS server: who is silent, a server that is killed and back, the command without a reader."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from prober.errors import StoreError
from prober.fleet.giving import give_host
from prober.fleet.store.keeping import make_streams
from prober.fleet.store.nats import NatsStore
from prober.fleet.store.open import open_store
from prober.service.client import Client
from prober.service.fleet.server import ReaderSettings
from tests.fleet.reading import PATIENCE, running_reader, until, until_ready
from tests.fleet.users import Fleet, start_fleet
from tests.integration.processes import PROBER
from tests.unit.fleet.fleets import QEMU, domain, recorded

XML = domain(kind="qemu")

#: After so many seconds a host is silent here, which beats ten times as often.
SILENT_S = 3.0


class Hosts:
    """Hosts that report, in a thread of the test: each verb is done when it returns."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._stores: dict[str, NatsStore] = {}
        self._beating: dict[str, Any] = {}

    def _do(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    async def _store(self, name: str) -> NatsStore:
        if name not in self._stores:
            store = await open_store(self._fleet.server.url, self._fleet.files[name])
            assert isinstance(store, NatsStore)
            if self._stores.setdefault(name, store) is not store:
                await store.close()  # Another verb of this host opened one meanwhile.
        return self._stores[name]

    def put(self, name: str, version: str = "7.2.22") -> None:
        """A host tells what it has."""

        async def run() -> None:
            await give_host(await self._store(name), name, [(QEMU, recorded(version))], {})

        self._do(run())

    def beat(self, name: str) -> None:
        """It beats from now on, whatever becomes of the server."""

        async def run() -> None:
            store = await self._store(name)
            while name in self._beating:
                with suppress(StoreError):
                    await store.beat(name, 0)
                await asyncio.sleep(SILENT_S / 10)

        self._beating[name] = None
        self._beating[name] = asyncio.run_coroutine_threadsafe(run(), self._loop)

    def hush(self, name: str) -> None:
        """It beats no more."""
        self._beating.pop(name).result(PATIENCE)

    def close(self) -> None:
        """All of it."""

        async def close() -> None:
            for store in self._stores.values():
                await store.close()
            await asyncio.sleep(0.1)  # what is closed is gone a turn later
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

        for name in list(self._beating):
            self.hush(name)
        self._do(close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with start_fleet(tmp_path) as started:
        asyncio.run(make_streams(started.server.url, started.files["keeper"]))
        yield started


@pytest.fixture
def hosts(fleet: Fleet) -> Iterator[Hosts]:
    made = Hosts(fleet)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def reading(fleet: Fleet, directory: Path) -> Iterator[Client]:
    settings = ReaderSettings(
        store=fleet.server.url,
        credentials=fleet.files["reader"],
        socket=directory / "r.sock",
        silent_s=SILENT_S,
    )
    with running_reader(settings) as client:
        yield client


def can(client: Client) -> Any:
    reply = client.post("/v1/fleet/can", XML)
    assert reply.ok, reply
    return reply.value


def counts(client: Client) -> tuple[int, int]:
    """How many can, and how many are silent."""
    told = can(client)
    return told["able"], told["silent"]


def kinds(client: Client) -> list[tuple[str, str]]:
    """The changes so far."""
    return [(one["kind"], one["host"]) for one in client.get("/v1/fleet/changes").value["changes"]]


def test_what_hosts_say_is_known_and_who_is_silent_is_not_able(fleet: Fleet, hosts: Hosts, tmp_path: Path) -> None:
    hosts.put("a")
    with reading(fleet, tmp_path) as client:
        until_ready(client)
        assert counts(client) == (1, 0)  # nobody was heard yet, and has time to be
        hosts.beat("b")
        hosts.put("b")
        until(lambda: ("new", "b") in kinds(client))
        until(lambda: counts(client) == (1, 1))
        (silent,) = [one for one in client.get("/v1/fleet/hosts").value["entries"] if one["silent_since"]]
        assert silent["name"] == "a"
        assert time.time() - PATIENCE < silent["silent_since"] < time.time() - SILENT_S + 0.5
        hosts.beat("a")
        until(lambda: counts(client) == (2, 0))
        hosts.hush("b")
        until(lambda: ("silent", "b") in kinds(client))
        assert counts(client) == (1, 1)
        assert client.post("/v1/fleet/hosts/b/why", XML).value["able"] == "unknown"
        hosts.put("b", "5.2.0")
        until(lambda: ("changed", "b") in kinds(client))
        until(lambda: counts(client)[0] == 2)  # once its build is read as well
        assert [kind for kind, host in kinds(client) if host == "a"] == ["silent", "heard"]


@pytest.mark.fault("store-killed")
def test_the_store_is_killed_and_comes_back(fleet: Fleet, hosts: Hosts, tmp_path: Path) -> None:
    hosts.put("a")
    hosts.put("b")
    hosts.beat("a")
    hosts.beat("b")
    with reading(fleet, tmp_path) as client:
        until_ready(client)
        began = time.time()
        fleet.server.kill()
        until(lambda: can(client)["away"] is not None)
        time.sleep(SILENT_S + 1.5)  # longer than anybody may be silent
        told = can(client)
        assert (told["able"], told["silent"]) == (2, 0)
        assert began - 11 < told["as_of"] < time.time() - SILENT_S
        assert client.get("/readyz").value["away"]
        hosts.hush("b")
        fleet.server.start()
        until(lambda: can(client)["away"] is None)
        assert time.time() - can(client)["as_of"] < 5
        assert [kind for kind, host in kinds(client) if not host] == ["away", "back"]
        until(lambda: ("silent", "b") in kinds(client))
        hosts.put("b", "5.2.0")
        until(lambda: counts(client) == (2, 0))


@pytest.mark.fault("store-killed")
def test_a_reader_waits_for_a_store_that_is_away(fleet: Fleet, hosts: Hosts, tmp_path: Path) -> None:
    hosts.put("a")
    fleet.server.kill()
    with reading(fleet, tmp_path) as client:
        until(lambda: "away" in [kind for kind, _ in kinds(client)])
        assert client.get("/healthz").value["as_of"] == 0
        assert client.get("/readyz").status == 503
        asked = client.post("/v1/fleet/can", XML)
        assert (asked.status, asked.value["type"]) == (503, "urn:prober:fleet")
        fleet.server.start()
        until_ready(client)
        assert can(client)["hosts"] == 1


def test_the_command_listens_where_it_reads_the_store_itself(fleet: Fleet, hosts: Hosts, tmp_path: Path) -> None:
    hosts.put("a")
    hosts.put("b")
    hosts.beat("a")
    file = tmp_path / "vm.xml"
    file.write_bytes(XML)
    command: list[str | Path] = [PROBER, "fleet", "can", file, "--json", "--store", fleet.server.url]
    command += ["--credentials", fleet.files["reader"], "--listen", "5"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.returncode == 0, ended
    told = json.loads(ended.stdout)
    assert (told["able"], told["silent"], told["names"]) == (1, 1, ["a"])
    assert "1 of 2 hosts were not heard within 5 s" in ended.stderr
    hosts.beat("b")
    command[-1] = "600"  # Nobody waits for those that were heard already.
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (json.loads(ended.stdout)["able"], ended.stderr) == (2, "")


@pytest.mark.fault("reader-killed")
def test_the_command_reads_and_is_killed_and_reads_again(fleet: Fleet, hosts: Hosts, tmp_path: Path) -> None:
    """Nothing is lost with a reader: the next one takes its socket and knows the same."""
    hosts.put("a")
    socket = tmp_path / "r.sock"
    command: list[str | Path] = [
        PROBER,
        "fleet",
        "serve",
        "--store",
        fleet.server.url,
        "--credentials",
        fleet.files["reader"],
    ]
    command += ["--socket", socket]
    for number in (signal.SIGKILL, signal.SIGTERM):
        with subprocess.Popen(["setpriv", "--pdeathsig=KILL", *command], stderr=subprocess.PIPE) as process:
            try:
                until(lambda: answers(socket))
                with Client(socket, timeout=PATIENCE) as client:
                    until_ready(client)
                    assert counts(client) == (1, 0)
            finally:
                os.kill(process.pid, number)
            _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == (-9 if number == signal.SIGKILL else 0), said
        assert said.decode().startswith("prober reads nats://127.0.0.1:")
    assert not socket.exists()


def answers(socket: Path) -> bool:
    with suppress(Exception), Client(socket, timeout=PATIENCE) as client:
        return client.get("/healthz").ok
    return False
