"""Guests rehearsed by the service on real QEMU: in its own process, and by a prover beside it."""

from __future__ import annotations

import json
import signal
import threading
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

import prober
from prober.errors import StateFileError
from prober.rehearsal.statefile import StateFile, read_state, write_state
from prober.service.client import Client
from tests.conftest import BINARY_IN_ROOT
from tests.integration.processes import PATIENCE, run_prober, wait_until
from tests.integration.test_prove_service import directory, proving, serving
from tests.proc import children_of, is_alive
from tests.unit.service.asking_as import ask_as, require_root

__all__ = ["directory"]

CARD = "<interface type='user'><model type='virtio'/></interface>"
DOMAIN = f"""<domain type='qemu'>
  <name>guest</name><memory unit='MiB'>128</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <controller type='pci' index='1' model='pcie-root-port'/><controller type='pci' index='2' model='pcie-root-port'/>
    <controller type='pci' index='3' model='pcie-root-port'/><controller type='pci' index='4' model='pcie-root-port'/>
    {CARD}
  </devices>
</domain>"""
#: It takes a while.
LONG = {
    "argv": ["q", "-nodefaults", "-machine", "q35", "-smp", "200"],
    "commands": [{"execute": "device_add", "arguments": {"driver": "usb-tablet"}}],
}


def post(client: Client, binary: str, what: str, body: Any, kind: str = "application/json") -> Any:
    data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return client.post(f"/v1/binaries/{Path(binary).name}/{what}", data, kind)


@pytest.mark.slow
@pytest.mark.needs("bubblewrap")
def test_it_is_all_rehearsed(qemu_binary: str, directory: Path) -> None:
    ident = Path(qemu_binary).name
    (directory / "vm.xml").write_text(DOMAIN)
    (directory / "card.xml").write_text(CARD)
    with serving(directory, qemu_binary) as service, service.client() as client:
        told = post(client, qemu_binary, "plug", {"domain": DOMAIN, "devices": [CARD]}).value
        assert (told["verdict"], told["ground"]) == ("rehearsed", "proven"), told
        assert [one["outcome"] for one in told["steps"]] == ["taken", "taken"]
        moved = post(client, qemu_binary, f"migrate?to={ident}&both_ways=yes", DOMAIN, "application/xml").value
        assert [one["migration"]["verdict"] for one in moved["migrations"]] == ["rehearsed"] * 2, moved
        asked = ("--socket", service.socket, "--binary", ident)
        saved = run_prober("state", "save", directory / "vm.xml", *asked, "-o", directory / "vm.state")
        assert (saved.code, saved.err) == (0, ""), saved
        loaded = run_prober("state", "load", directory / "vm.state", *asked)
        assert loaded.code == 0
        assert ": rehearsed: QEMU " in loaded.out
        plugged = run_prober("plug", *asked, directory / "vm.xml", directory / "card.xml")
        assert plugged.code == 0
        assert plugged.out.startswith("rehearsed (ground: proven)")
        commands = run_prober("plug", *asked, "--format", "qmp", directory / "vm.xml", directory / "card.xml")
        assert [json.loads(line)["execute"] for line in commands.out.splitlines()] == ["netdev_add", "device_add"]
        both = ("--socket", service.socket, "--from", ident, "--to", ident)
        line = run_prober("migrate", *both, "--", "q", "-nodefaults", "-machine", "q35")
        assert (line.code, line.err) == (0, ""), line
        mixed = run_prober("migrate", "--socket", service.socket, "--from", ident, "--to", "/", directory / "vm.xml")
        assert (mixed.code, mixed.err) == (0, ""), mixed
        assert service.qemus() == []


@pytest.mark.slow
@pytest.mark.needs("bubblewrap")
def test_the_typed_client_has_it_rehearsed(qemu_binary: str, directory: Path) -> None:
    ident, tablet = Path(qemu_binary).name, {"execute": "device_add", "arguments": {"driver": "usb-tablet", "id": "t"}}
    with serving(directory, qemu_binary) as service, prober.ServiceClient(service.socket) as client:
        assert client.plug(ident, DOMAIN, [CARD]).verdict == "rehearsed"
        assert client.plug_line(ident, ["q", "-machine", "q35,usb=on"], [tablet]).verdict == "rehearsed"
        (card,) = client.plug_commands(ident, DOMAIN, [CARD]).devices
        assert [one.execute for one in card.commands] == ["netdev_add", "device_add"]
        (moved,) = client.migrate(ident, ident, DOMAIN).migrations
        assert moved.migration is not None
        assert moved.migration.verdict == "rehearsed"
        kept = client.keep_state(ident, DOMAIN, rehearsing=prober.Rehearsing(driven=True))
        assert client.load_state(ident, b64decode(kept.file)).verdict == "rehearsed"
        with pytest.raises(StateFileError):
            client.load_state(ident, b"nothing")


@pytest.mark.slow
@pytest.mark.needs("bubblewrap")
def test_a_prover_beside_it(qemu_binary: str, directory: Path) -> None:
    with (
        proving(directory, qemu_binary) as prover,
        serving(directory, qemu_binary, "--prover-socket", directory / "p.sock") as service,
        service.client() as client,
    ):
        ident = Path(qemu_binary).name
        body = {
            "argv": ["q", "-machine", "q35"],
            "commands": [{"execute": "device_add", "arguments": {"driver": "e1000e"}}],
        }
        told = post(client, qemu_binary, "plug", body).value
        assert (told["verdict"], told["command"]) == ("refused", 1)
        assert "pcie.0" in told["said"]
        moved = post(client, qemu_binary, f"migrate?to={ident}", DOMAIN, "application/xml").value
        assert moved["migrations"][0]["migration"]["verdict"] == "rehearsed", moved
        assert service.qemus() == children_of(prover.pid) == []


@pytest.mark.slow
@pytest.mark.needs("bubblewrap")
def test_a_state_that_was_made_up_is_told_as_such(qemu_binary: str, directory: Path) -> None:
    """By the prover, in whose box alone it is taken: nothing of it is left, and who asks next is answered."""
    (directory / "vm.xml").write_text(DOMAIN)
    with (
        proving(directory, qemu_binary) as prover,
        serving(directory, qemu_binary, "--prover-socket", directory / "p.sock") as service,
        service.client() as client,
    ):
        asked = ("--socket", service.socket, "--binary", Path(qemu_binary).name)
        run_prober("state", "save", directory / "vm.xml", *asked, "-o", directory / "vm.state")
        file = (directory / "vm.state").read_bytes()
        kept = read_state(file)
        for state in (
            b"",
            kept.state[: len(kept.state) // 2],
            kept.state.replace(b"virtio-net", b"virtio-gpu"),
            bytes(70 << 20),
        ):
            reply = post(client, qemu_binary, "state/load", write_state(StateFile(kept.head, state)), "")
            if not 0 < len(state) <= 64 << 20:
                assert (reply.status, reply.value["type"]) == (422, "urn:prober:state-file")
                continue
            assert reply.status == 200
            assert (reply.value["verdict"], reply.value["confinement"]) == ("refused", "bubblewrap"), reply
        assert post(client, qemu_binary, "state/load", file, "").value["verdict"] == "rehearsed"
        assert service.qemus() == children_of(prover.pid) == []


@pytest.mark.slow
def test_a_service_that_stops_takes_its_qemus_along(qemu_binary: str, directory: Path) -> None:
    statuses: list[int] = []

    def ask() -> None:
        with Client(service.socket, timeout=PATIENCE) as client:
            statuses.append(post(client, qemu_binary, "plug", LONG).status)

    with serving(directory, qemu_binary) as service:
        thread = threading.Thread(target=ask)
        thread.start()
        wait_until(service.qemus)
        started = service.qemus()
        code, _ = service.stop(signal.SIGTERM)
        thread.join()
    assert code == 0, service.printed()
    assert statuses == [503]
    wait_until(lambda: not any(map(is_alive, started)))  # Whoever inherits them reaps them.


@pytest.mark.slow
def test_beyond_the_queue_one_is_told_to_come_again(qemu_binary: str, directory: Path) -> None:
    config = directory / "prober.toml"
    config.write_text("max_proofs = 1\nmax_waiting_proofs = 1\n")
    statuses: list[int] = []

    def ask() -> None:
        with Client(service.socket, timeout=PATIENCE) as client:
            statuses.append(post(client, qemu_binary, "plug", LONG).status)

    with serving(directory, qemu_binary, "--config", config) as service:
        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert set(statuses) == {200, 503}
    assert statuses.count(200) >= 2


@pytest.mark.slow
def test_it_is_for_those_who_may(qemu_binary: str, directory: Path) -> None:
    require_root()
    for parent in (directory, *directory.parents):
        if not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    body = json.dumps({"argv": ["q", "-machine", "help"], "commands": [{"execute": "device_add"}]})
    place = f"/v1/binaries/{Path(qemu_binary).name}"
    with serving(directory, qemu_binary, "--admin-group", "games") as service:
        service.socket.chmod(0o666)
        for what in ("plug", f"migrate?to={BINARY_IN_ROOT}", "state", "state/load"):
            status, problem = ask_as(service.socket, "POST", f"{place}/{what}", uid=61234, gid=61234, body=body)
            assert (status, problem["type"]) == (403, "urn:prober:forbidden")
        assert service.qemus() == []
        status, told = ask_as(service.socket, "POST", f"{place}/plug", uid=61234, gid=61234, groups=[60], body=body)
        assert (status, told["verdict"]) == (200, "refused")
