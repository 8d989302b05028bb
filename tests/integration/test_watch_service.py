"""Steps of real QEMUs, told as they happen: in the service's own process, and by a prover beside it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.integration.processes import PATIENCE
from tests.integration.service_process import Service
from tests.integration.test_prove_service import LONG, SOUND, directory, prove, proving, serving
from tests.integration.test_rehearse_service import CARD, DOMAIN

__all__ = ["directory"]

pytestmark = [pytest.mark.slow, pytest.mark.needs("bubblewrap")]

#: What would give it away is what it is called by.
SECRET = "hunter2hunter2"
SECRETIVE = {
    "argv": ["q", "-machine", "q35"],
    "commands": [{"execute": "object-add", "arguments": {"qom-type": "secret", "id": SECRET, "data": SECRET}}],
}
RECEIVED = ["checked", "made ready", "started"]


def told(service: Service, binary: str, what: str, body: Any, kind: str = "application/json") -> Iterator[Any]:
    """Each line of an answer as it comes."""
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    head = (
        f"POST /v1/binaries/{Path(binary).name}/{what} HTTP/1.1\r\nHost: prober\r\nConnection: close\r\n"
        f"Accept: application/x-ndjson\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    with closing(socket.socket(socket.AF_UNIX)) as asked:
        asked.settimeout(PATIENCE)
        asked.connect(str(service.socket))
        asked.sendall(head.encode() + data)
        with asked.makefile("rb") as lines:
            assert lines.readline() == b"HTTP/1.1 200 OK\r\n"
            while lines.readline() != b"\r\n":
                pass
            for line in lines:
                yield json.loads(line)


def names(steps: list[Any], side: str = "") -> list[str]:
    return [one["step"]["name"] for one in steps if one["step"].get("side", "") == side]


def _all_of_it(service: Service, binary: str) -> None:
    ident = Path(binary).name
    *steps, last = told(service, binary, "plug", {"domain": DOMAIN, "devices": [CARD]})
    assert (last["status"], last["answer"]["verdict"]) == (200, "rehearsed")
    first = ["translated", "begins", "checked", "made ready", "started"]
    assert names(steps) == [*first, "command", "command", "read back", "taken out", "taken out"]
    taken_out = [one["step"]["outcome"] for one in steps[-2:]]
    assert taken_out == [one["outcome"] for one in last["answer"]["taken_out"]]
    commands = [one["step"] for one in steps if one["step"]["name"] == "command"]
    assert [(one["what"].split()[0], one["outcome"]) for one in commands] == [
        ("netdev_add", "taken"),
        ("device_add", "taken"),
    ]
    at = [one["step"]["seconds"] for one in steps]
    assert at == sorted(at)
    *steps, last = told(service, binary, "plug", SECRETIVE)
    assert last["answer"]["verdict"] == "rehearsed"
    assert names(steps)[-3:] == ["command", "read back", "taken out"]
    assert SECRET not in json.dumps([steps, last])
    *steps, last = told(service, binary, f"migrate?to={ident}&both_ways=yes", DOMAIN, "application/xml")
    assert [one["migration"]["verdict"] for one in last["answer"]["migrations"]] == ["rehearsed"] * 2
    assert names(steps) == ["begins", "read back", "sent", "way back", "begins", "read back", "sent"]
    for side in ("source", "destination"):
        assert names(steps, side) == ["translated", *RECEIVED, *RECEIVED]
    sent = [one["step"]["number"] for one in steps if one["step"]["name"] == "sent"]
    assert sent == [one["migration"]["state_bytes"] for one in last["answer"]["migrations"]]
    *steps, last = told(service, binary, "prove", ["q", *SOUND])
    assert last["answer"]["verdict"] == "proven"
    assert names(steps) == ["checked", "begins", "made ready", "started", "read back"]
    assert steps[-2]["step"]["what"] == last["answer"]["confinement"]
    assert steps[-1]["step"]["number"] == last["answer"]["readings"]
    *steps, last = told(service, binary, "prove", ["q", *SOUND])
    assert last["answer"]["remembered"]
    assert names(steps) == ["checked", "remembered"]
    *steps, last = told(service, binary, "prove", ["q", "-device", "e1000,mak=1"])
    assert (names(steps), last["answer"]["ground"]) == (["checked"], "checked")
    assert service.qemus() == []


def test_it_is_all_told(qemu_binary: str, directory: Path) -> None:
    with serving(directory, qemu_binary) as service:
        _all_of_it(service, qemu_binary)


def test_a_prover_beside_it_tells_the_same(qemu_binary: str, directory: Path) -> None:
    with (
        proving(directory, qemu_binary),
        serving(directory, qemu_binary, "--prover-socket", directory / "p.sock") as service,
    ):
        _all_of_it(service, qemu_binary)


def test_who_waits_for_a_turn_is_told_so_meanwhile(qemu_binary: str, directory: Path) -> None:
    (directory / "one.toml").write_text("max_proofs = 1\n")
    with serving(directory, qemu_binary, "--config", directory / "one.toml") as service:
        first = told(service, qemu_binary, "prove", ["q", *LONG])
        for line in first:
            if line["step"]["name"] == "begins":
                break
        second = told(service, qemu_binary, "prove", ["q", *SOUND])
        shared = told(service, qemu_binary, "prove", ["q", *LONG])
        assert [next(second)["step"]["name"] for _ in range(2)] == ["checked", "waits"]
        assert [next(shared)["step"]["name"] for _ in range(2)] == ["checked", "shared"]
        *_, last = first
        assert last["answer"]["verdict"] == "proven"
        (end,) = shared
        assert end["answer"]["verdict"] == "proven"
        *steps, last = second
        assert names(steps)[0] == "begins"
        assert last["answer"]["verdict"] == "proven"


def test_who_goes_away_leaves_no_qemu(qemu_binary: str, directory: Path) -> None:
    """What was begun is ended, as it is for who asks without steps."""
    with serving(directory, qemu_binary) as service, service.client() as client:
        lines = told(service, qemu_binary, "prove", ["q", *LONG])
        for line in lines:
            if line["step"]["name"] == "started":
                break
        lines.close()  # type: ignore[attr-defined]  # a generator, which closes its connection
        assert prove(client, qemu_binary, LONG)["verdict"] == "proven"
        assert service.qemus() == []
