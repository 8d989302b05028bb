"""A reader over a store in a file: its routes over a real socket, held against the questions themselves."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from prober.capabilities import Capabilities
from prober.commandline.brief import MOST_OF_AN_ANSWER
from prober.errors import BusyError, StoreError
from prober.fleet.answer import FleetAnswer
from prober.fleet.giving import give_host
from prober.fleet.known import Fleet
from prober.fleet.reader import StoreReader
from prober.fleet.records import HostRecord, dump_record
from prober.fleet.store.open import open_store
from prober.service.client import Client
from prober.service.fleet.families import FLEET_FAMILIES
from prober.service.fleet.handlers import FleetHandlers
from prober.service.fleet.lanes import MOST_WAITING, FleetKnown, Lanes, Question
from prober.service.fleet.routes import ROUTES
from prober.service.fleet.server import ReaderSettings
from prober.service.messages import ClientGoneError, Request
from tests.conftest import aio
from tests.fleet.reading import PATIENCE, running_reader, until, until_ready
from tests.raw_http import connect
from tests.unit.fleet.fleets import QEMU, domain, recorded, with_kvm

pytestmark = pytest.mark.slow

XML = domain(kind="qemu", machine="q35")
KVM = domain()


def give(store: str, hosts: dict[str, Capabilities], **labels: str) -> None:
    """Put hosts into a store."""

    async def run() -> None:
        opened = await open_store(store)
        try:
            for name, caps in hosts.items():
                await give_host(opened, name, [(QEMU, caps)], labels)
        finally:
            await opened.close()

    asyncio.run(run())


def put(store: str, *records: HostRecord | tuple[str, bytes]) -> None:
    """Put records, or what is none, into a store; what has no bytes is taken away."""

    async def run() -> None:
        opened = await open_store(store)
        try:
            for record in records:
                name, data = (record.name, dump_record(record)) if isinstance(record, HostRecord) else record
                await opened.put(f"hosts.{name}", data)
        finally:
            await opened.close()

    asyncio.run(run())


@pytest.fixture(name="store", scope="module")
def _store(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:{tmp_path_factory.mktemp('fleet') / 'fleet.db'}"
    give(url, {"new": with_kvm("7.2.22")}, rack="7")
    give(url, {"old": recorded("5.2.0")}, rack="8")
    return url


@pytest.fixture(name="client", scope="module")
def _client(store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running_reader(ReaderSettings(store=store, socket=tmp_path_factory.mktemp("r") / "r.sock")) as client:
        until_ready(client)
        yield client


def told(client: Client, path: str, body: bytes | None = None, kind: str = "application/xml") -> Any:
    reply = client.get(path) if body is None else client.post(path, body, kind)
    assert reply.ok, reply
    return reply.value


def test_each_route_has_one_who_answers() -> None:
    assert all(callable(getattr(FleetHandlers, route.name)) for route in ROUTES)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_questions_about_a_domain(client: Client) -> None:
    answer = told(client, "/v1/fleet/can", XML)
    assert (answer["able"], answer["names"], answer["away"]) == (2, ["new", "old"], None)
    assert abs(answer["as_of"] - time.time()) < PATIENCE
    assert told(client, "/v1/fleet/can?limit=1", XML)["next"] == "new"
    assert told(client, "/v1/fleet/can?where=rack%3D8&limit=1&after=a", KVM)["unable"] == 1
    answer = told(client, "/v1/fleet/hosts/old/why", KVM)
    assert (answer["able"], answer["qemus"][0]["path"]) == ("unable", QEMU)
    assert told(client, "/v1/fleet/targets?from=old", XML)["source"] == "old"
    assert told(client, "/v1/fleet/can?any_emulator=true", domain(emulator="/x", kind="qemu"))["able"] == 2
    assert told(client, "/v1/fleet/can", domain(emulator="/x", kind="qemu"))["able"] == 0


def test_questions_about_an_upgrade(client: Client) -> None:
    where = "/v1/fleet/upgrade?from=5.2&to=7.2"
    assert told(client, where, b"")["domains"] == []
    assert told(client, f"{where}&name=vm.xml", XML)["domains"][0]["domain"] == "vm.xml"
    both = json.dumps({"a": XML.decode(), "b": KVM.decode()}).encode()
    answer = told(client, where, both, "application/json")
    assert sorted(one["domain"] for one in answer["domains"]) == ["a", "b"]
    for body in (b"[]", b"{", b'{"a": 1}', b'{"a": "\\ud800"}'):
        assert client.post(where, body, "application/json").status == 400


def test_questions_about_all(client: Client) -> None:
    assert told(client, "/v1/fleet/baseline?target=x86_64")["hosts"] == 2
    assert told(client, "/v1/fleet/supports?fact=virtio-net-pci")["present"] == 2
    assert told(client, "/v1/fleet/drift?by=rack")["odd"] == []
    assert told(client, "/v1/fleet/drift")["odd"][0]["hosts"] == 1
    page = told(client, "/v1/fleet/hosts?limit=1")
    assert ([one["name"] for one in page["entries"]], page["next"]) == (["new"], "new")
    assert [one["hosts"] for one in told(client, "/v1/fleet/builds?where=rack=7")["builds"]] == [1]


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/v1/fleet/can", b"<domain", 400, "XML"),
        ("/v1/fleet/can?limit=1001", XML, 400, "limit is '1001'"),
        ("/v1/fleet/can?limit=-1", XML, 400, "limit is '-1'"),
        ("/v1/fleet/can?where=rack", XML, 400, "'rack' is no label"),
        ("/v1/fleet/can?any_emulator=x", XML, 400, "any_emulator is 'x'"),
        ("/v1/fleet/can?zeta=1", XML, 400, "unknown query parameter"),
        ("/v1/fleet/can", b" " * ((1 << 20) + 1), 413, "larger than"),
        ("/v1/fleet/hosts/zeta/why", XML, 400, "no host of this fleet is called 'zeta'"),
        ("/v1/fleet/targets", XML, 400, "from is not given"),
        ("/v1/fleet/targets?from=old", KVM, 400, "not known to run on old"),
        ("/v1/fleet/targets?from=old", b"<x/>", 422, "refused"),
        ("/v1/fleet/upgrade?from=5.2", XML, 400, "to is not given"),
        ("/v1/fleet/upgrade?from=5.2&to=1.0", XML, 400, "no build of this fleet is called '1.0'"),
        ("/v1/fleet/supports", None, 400, "fact is not given"),
        ("/v1/fleet/supports?fact=..", None, 400, "fact"),
        ("/v1/fleet/changes?wait=61", None, 400, "wait is '61'"),
        ("/v1/fleet/can", None, 405, "Method Not Allowed"),
        ("/v1/binaries", None, 404, "Not Found"),
    ],
)
def test_what_is_wrong_is_told(client: Client, path: str, body: bytes | None, status: int, said: str) -> None:
    reply = client.get(path) if body is None else client.post(path, body)
    assert (reply.status, said in reply.value["detail"]) == (status, True), reply


def test_it_tells_of_itself(client: Client) -> None:
    health, ready = told(client, "/healthz"), told(client, "/readyz")
    assert (health["status"], ready["status"], ready["hosts"], ready["builds"]) == ("ok", "ready", 2, 2)
    status, text = client.fetch("/metrics")
    assert status == 200
    assert all(f"\n{family.shown}".encode() in text for family in FLEET_FAMILIES)
    assert b'prober_fleet_hosts{state="heard"} 2.0' in text


def test_a_domain_is_translated_once_for_each_build(client: Client) -> None:
    def translations() -> float:
        lines = client.fetch("/metrics")[1].decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("prober_fleet_translations_total"))

    before = translations()
    for _ in range(3):
        told(client, "/v1/fleet/can", XML.replace(b"<name>a", b"<name>never-seen"))
    assert translations() == before + 2


def test_what_is_not_understood_is_told_of_and_counts_for_nothing(store: str, client: Client) -> None:
    put(store, ("bad", b"x"))
    until(lambda: told(client, "/healthz")["damaged"] == 1)
    assert told(client, "/v1/fleet/can", XML)["hosts"] == 2
    put(store, ("bad", b""))
    until(lambda: told(client, "/healthz")["damaged"] == 0)


def test_changes_are_told(store: str, client: Client) -> None:
    last = told(client, "/v1/fleet/changes")["id"]
    with connect(Path(client.socket_path), PATIENCE) as stream:
        stream.sendall(b"GET /v1/fleet/events HTTP/1.1\r\nHost: x\r\n\r\n")
        data = b""
        while b"\nid: " not in data:
            data += stream.recv(65536)
        assert b": changes of the fleet\n" in data
        put(store, HostRecord(name="later"))
        answer = told(client, f"/v1/fleet/changes?since={last}&wait=20")
        assert [(one["kind"], one["host"]) for one in answer["changes"]] == [("new", "later")]
        while b'"host":"later"' not in data:
            data += stream.recv(65536)
        put(store, HostRecord(name="later", seq=1), ("later", b""))
        while b'"kind":"gone"' not in data:
            data += stream.recv(65536)


def test_no_answer_is_too_large(tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path / 'fleet.db'}"
    records = [
        HostRecord(name=f"host-{number}", labels={f"{label}": "x" * 100 for label in range(30)})
        for number in range(400)
    ]
    put(store, *records)
    with running_reader(ReaderSettings(store=store, socket=tmp_path / "r.sock")) as client:
        until_ready(client)
        names, after = list[str](), ""
        while True:
            status, body = client.fetch(f"/v1/fleet/hosts?limit=1000&after={after}")
            assert status == 200
            assert len(body) <= MOST_OF_AN_ANSWER
            page = json.loads(body)
            names += [one["name"] for one in page["entries"]]
            if (after := page["next"]) is None:
                break
        assert names == sorted(record.name for record in records)


def test_many_questions_at_once_are_answered(client: Client) -> None:
    def ask(number: int) -> int:
        with Client(client.socket_path, timeout=PATIENCE) as own:
            return own.post("/v1/fleet/can", domain(kind="qemu", devices=f"<!-- {number} -->")).status

    with ThreadPoolExecutor(24) as pool:
        statuses = list(pool.map(ask, range(48)))
    assert set(statuses) == {200}


def test_so_many_wait_and_no_more(store: str) -> None:
    """Who has gone before his turn is not worked for."""
    worked: list[int] = []

    async def run() -> None:
        opened = await open_store(store)
        lanes = Lanes(StoreReader(opened, Fleet()))
        requests = [Request("GET", "/", b"", [], lambda _: None, keep_alive=True) for _ in range(MOST_WAITING + 1)]
        go_on = threading.Event()

        def question(number: int) -> Question:
            def work(known: FleetKnown) -> FleetAnswer:
                assert go_on.wait(PATIENCE)
                worked.append(number)
                return FleetAnswer(as_of=known.fleet.as_of)

            return work

        try:
            asking = [
                asyncio.ensure_future(lanes.answer(request, question(number)))
                for number, request in enumerate(requests[:-1])
            ]
            await asyncio.sleep(0)
            with pytest.raises(BusyError):
                await lanes.answer(requests[-1], question(-1))
            requests[5].abandon()
            go_on.set()
            told = await asyncio.gather(*asking, return_exceptions=True)
            assert [number for number, one in enumerate(told) if isinstance(one, ClientGoneError)] == [5]
            assert lanes.waiting == 0
        finally:
            go_on.set()
            await lanes.close()
            await opened.close()

    aio(run())
    assert worked == [number for number in range(MOST_WAITING) if number != 5]


def test_a_store_that_cannot_be_is_told(tmp_path: Path) -> None:
    settings = ReaderSettings(store="sqlite:/nonexistent/fleet.db", socket=tmp_path / "r.sock")
    with pytest.raises(StoreError, match="cannot be used as a store"), running_reader(settings):
        pass
    assert not settings.socket.exists()
