"""Lines proven by the service on real QEMU: in its own process, and by a prover beside it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from prober.service.client import Client
from tests.integration.processes import PATIENCE, PROBER, run_prober, wait_until
from tests.integration.service_process import Service, start_ready_service
from tests.proc import children_of, is_alive
from tests.sharing import make_once
from tests.unit.service.asking_as import ask_as, require_root

SOUND = ["-nodefaults", "-device", "e1000,mac=52:54:00:00:00:01"]
#: The check knows nothing of it; QEMU looks when it makes the device.
SPOILT = ["-nodefaults", "-netdev", "tap,id=n,ifname=t", "-device", "virtio-net-pci,netdev=n,rx_queue_size=300"]
#: What systemd-socket-activate hands on besides, so that it starts the prover of this checkout.
_ENVIRONMENT = ["--setenv=PYTHONPATH"] if "PYTHONPATH" in os.environ else []
#: It takes a while.
LONG = ["-nodefaults", "-machine", "q35", "-smp", "200"]
DOMAIN = """<domain type='qemu'>
  <name>guest</name><memory unit='MiB'>256</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <devices><emulator>/nonexistent/qemu</emulator><memballoon model='none'/></devices>
</domain>"""


@pytest.fixture
def directory(qemu_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with a short path, as that of a socket has at most 107 bytes.

    The service's and the prover's caches in it are those of a service that has asked the QEMU: no test here is about
    that, and it takes a second.
    """

    def ask(place: Path) -> None:
        place.mkdir()
        with serving(place, qemu_binary) as service, service.client() as client:
            assert client.get(f"/v1/binaries/{Path(qemu_binary).name}").status == 200
            service.stop()  # it has written what it learned then

    asked = make_once(tmp_path_factory, "asked", ask)
    made = tmp_path_factory.mktemp("prove")
    for cache in ("cache", "proofs"):
        shutil.copytree(asked / "cache", made / cache, ignore=shutil.ignore_patterns("proofs*"))
    return made


@contextmanager
def serving(directory: Path, binary: str, *options: object) -> Iterator[Service]:
    """A service for one binary alone, which proves in its own process unless told otherwise.

    One that does checks on its event loop (docs/decisions/workers.md), which is not measured then.
    """
    told = ("--directory", directory / "none", "--binary", binary, *options)
    with start_ready_service(directory, *told, measured="--prover-socket" in options) as service:
        yield service


def route(binary: str) -> str:
    return f"/v1/binaries/{Path(binary).name}/prove"


def prove(client: Client, binary: str, options: Sequence[str], query: str = "") -> dict[str, Any]:
    reply = client.post(route(binary) + query, json.dumps(["q", *options]).encode(), "application/json")
    assert reply.status == 200, reply
    value: dict[str, Any] = reply.value
    return value


def proofs_in(cache: Path) -> int:
    """How many are kept there."""
    with closing(sqlite3.connect(f"file:{cache}/proofs.sqlite?mode=ro", uri=True)) as database:
        (count,) = database.execute("SELECT count(*) FROM proofs").fetchone()
    return int(count)


def goes_first(pid: int) -> bool:
    """Whether this process is ended before others where memory is short."""
    try:
        return Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == "1000"
    except OSError:  # It is gone.
        return False


def test_lines_and_domains(qemu_binary: str, directory: Path) -> None:
    with serving(directory, qemu_binary) as service, service.client() as client:
        proof = prove(client, qemu_binary, SOUND)
        assert (proof["verdict"], proof["ground"], proof["remembered"]) == ("proven", "proven", False)
        assert proof["binary"] == qemu_binary
        again = prove(client, qemu_binary, SOUND)
        assert again["remembered"]
        assert again["readings"] == proof["readings"] > 0
        proof = prove(client, qemu_binary, SPOILT, "?anyway=true")
        assert (proof["verdict"], proof["ground"]) == ("refused", "proven")
        assert "rx_queue_size" in proof["said"]
        assert proof["option"]["flag"] == "-device"
        proof = prove(client, qemu_binary, ["-device", "e1000,mak=1"])
        assert (proof["verdict"], proof["ground"]) == ("refused", "checked")
        proof = prove(client, qemu_binary, ["-device", "e1000,mak=1"], "?anyway=true")
        assert (proof["verdict"], proof["ground"]) == ("refused", "proven")
        reply = client.post(route(qemu_binary), DOMAIN.encode(), "application/xml")
        assert reply.status == 200, reply
        assert reply.value["verdict"] == "proven", reply.value
        assert reply.value["translation"]["argv"][0] == qemu_binary
        assert service.qemus() == []
        assert (directory / "cache" / "proofs.sqlite").stat().st_mode & 0o777 == 0o600
        ended = run_prober("prove", "--socket", service.socket, "--binary", qemu_binary, "--", "q", *SOUND)
        assert (ended.code, ended.err) == (0, ""), ended
        assert ended.out.startswith("proven (ground: proven)")
    with serving(directory, qemu_binary) as service, service.client() as client:
        assert prove(client, qemu_binary, SOUND)["remembered"], "from the disk"


def test_equal_questions_start_one_qemu(qemu_binary: str, directory: Path) -> None:
    proofs: list[dict[str, Any]] = []

    def ask() -> None:
        with Client(service.socket, timeout=PATIENCE) as client:
            proofs.append(prove(client, qemu_binary, SOUND))

    with serving(directory, qemu_binary) as service:
        with service.client() as client:
            client.get(f"/v1/binaries/{Path(qemu_binary).name}")
            prove(client, qemu_binary, ["-nodefaults"])
        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    started = {proof["seconds"] for proof in proofs if not proof["remembered"]}
    assert len(proofs) == 12
    assert len(started) == 1, started


def test_beyond_the_queue_one_is_told_to_come_again(qemu_binary: str, directory: Path) -> None:
    config = directory / "prober.toml"
    config.write_text("max_proofs = 1\nmax_waiting_proofs = 1\n")
    statuses: list[int] = []

    def ask(number: int) -> None:
        body = json.dumps(["q", *LONG, "-name", f"guest{number}"]).encode()
        with Client(service.socket, timeout=PATIENCE) as client:
            statuses.append(client.post(route(qemu_binary), body, "application/json").status)

    with serving(directory, qemu_binary, "--config", config) as service:
        with service.client() as client:
            prove(client, qemu_binary, ["-nodefaults"])
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert set(statuses) == {200, 503}
    assert statuses.count(200) >= 2


def test_a_client_that_goes_away_leaves_a_proof_and_nothing_else(qemu_binary: str, directory: Path) -> None:
    with serving(directory, qemu_binary) as service, service.client() as client:
        prove(client, qemu_binary, ["-nodefaults"])
        body = json.dumps(["q", *LONG]).encode()
        with socket.socket(socket.AF_UNIX) as gone:
            gone.connect(str(service.socket))
            gone.sendall(f"POST {route(qemu_binary)} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            wait_until(lambda: any(map(goes_first, service.qemus())))
        assert not goes_first(service.process.pid)
        wait_until(lambda: proofs_in(directory / "cache") == 2)
        assert service.qemus() == []
        assert prove(client, qemu_binary, LONG)["remembered"]


def test_a_service_that_stops_takes_its_qemus_along(qemu_binary: str, directory: Path) -> None:
    statuses: list[int] = []

    def ask() -> None:
        with Client(service.socket, timeout=PATIENCE) as client:
            body = json.dumps(["q", *LONG]).encode()
            statuses.append(client.post(route(qemu_binary), body, "application/json").status)

    with serving(directory, qemu_binary) as service:
        with service.client() as client:
            prove(client, qemu_binary, ["-nodefaults"])
        thread = threading.Thread(target=ask)
        thread.start()
        wait_until(service.qemus)
        started = service.qemus()
        code, _ = service.stop(signal.SIGTERM)
        thread.join()
    assert code == 0, service.printed()
    assert statuses == [503]
    wait_until(lambda: not any(map(is_alive, started)))  # Whoever inherits them reaps them.


def test_it_is_for_those_who_may(qemu_binary: str, directory: Path) -> None:
    require_root()
    for parent in (directory, *directory.parents):
        if not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    body = json.dumps(["q", *SOUND])
    with serving(directory, qemu_binary, "--admin-group", "games") as service:
        service.socket.chmod(0o666)
        with service.client() as client:
            client.get(f"/v1/binaries/{Path(qemu_binary).name}")
        status, problem = ask_as(service.socket, "POST", route(qemu_binary), uid=61234, gid=61234, body=body)
        assert (status, problem["type"]) == (403, "urn:prober:forbidden")
        assert service.qemus() == []
        status, proof = ask_as(service.socket, "POST", route(qemu_binary), uid=61234, gid=61234, groups=[60], body=body)
        assert (status, proof["verdict"]) == (200, "proven")


# A prover beside the service.


@contextmanager
def proving(directory: Path, binary: str, *before: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """``prober serve-prover``, whose socket is ``p.sock``; ``before`` stands before the command."""
    words = ["--config", str(directory / "prober.toml"), "--cache", str(directory / "proofs"), "--binary", binary]
    words += ["--directory", str(directory / "none"), "--socket", str(directory / "p.sock")]
    (directory / "prober.toml").touch()
    with subprocess.Popen([*before, PROBER, "serve-prover", *words], env={**os.environ, **environment}) as process:
        try:
            wait_until((directory / "p.sock").exists)
            yield process
        finally:
            process.kill()


def test_a_prover_beside_it(qemu_binary: str, directory: Path) -> None:
    with (
        proving(directory, qemu_binary) as prover,
        serving(directory, qemu_binary, "--prover-socket", directory / "p.sock") as service,
        service.client() as client,
    ):
        assert prove(client, qemu_binary, SOUND)["verdict"] == "proven"
        assert prove(client, qemu_binary, SOUND)["remembered"]
        assert (directory / "proofs" / "proofs.sqlite").exists()
        assert not (directory / "cache" / "proofs.sqlite").exists()
        assert prove(client, qemu_binary, SPOILT)["verdict"] == "refused"
        assert service.qemus() == children_of(prover.pid) == []
        prover.terminate()
        assert prover.wait(PATIENCE) == 0
        assert not (directory / "p.sock").exists()
        reply = client.post(route(qemu_binary), b'["q"]', "application/json")
        assert (reply.status, reply.value["type"]) == (503, "urn:prober:prover")


def test_a_prover_that_stops_takes_its_qemus_along(qemu_binary: str, directory: Path) -> None:
    with (
        proving(directory, qemu_binary) as prover,
        serving(directory, qemu_binary, "--prover-socket", directory / "p.sock") as service,
        service.client() as client,
    ):
        prove(client, qemu_binary, SOUND)
        statuses: list[int] = []

        def ask() -> None:
            with Client(service.socket, timeout=PATIENCE) as other:
                body = json.dumps(["q", *LONG]).encode()
                statuses.append(other.post(route(qemu_binary), body, "application/json").status)

        thread = threading.Thread(target=ask)
        thread.start()
        wait_until(lambda: children_of(prover.pid))
        started = children_of(prover.pid)
        prover.terminate()
        assert prover.wait(PATIENCE) == 0
        thread.join()
        assert statuses == [503]
        wait_until(lambda: not any(map(is_alive, started)))  # Whoever inherits them reaps them.


def test_a_binary_that_the_prover_does_not_serve_is_not_started(qemu_binary: str, directory: Path) -> None:
    with (
        proving(directory, "/usr/bin/true"),
        serving(directory, qemu_binary, "--prover-socket", directory / "p.sock") as service,
        service.client() as client,
    ):
        reply = client.post(route(qemu_binary), b'["q"]', "application/json")
        assert (reply.status, reply.value["type"]) == (503, "urn:prober:binary-failed")
        assert "finds no binary" in reply.value["detail"]


@pytest.mark.needs("systemd")
def test_systemd_starts_the_prover_and_it_ends_when_idle(qemu_binary: str, directory: Path) -> None:
    (directory / "prober.toml").write_text("prover_idle_s = 1.5\n")
    path = str(directory / "p.sock")
    with (
        proving(directory, qemu_binary, "systemd-socket-activate", *_ENVIRONMENT, "-l", path) as prover,
        serving(directory, qemu_binary, "--prover-socket", path) as service,
        service.client() as client,
    ):
        assert prove(client, qemu_binary, SOUND)["verdict"] == "proven"
        assert prover.poll() is None
        assert prover.wait(PATIENCE) == 0
        assert Path(path).exists(), "it is systemd's"
