"""``POST /v1/binaries/{id}/prove`` through a real socket: what it takes, who is asked what, and how it refuses.

What a QEMU makes of a line is for tests/integration; here a prover finds every line proven.
"""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from prober.cli.remote import Remote
from prober.errors import (
    BusyError,
    ConfinementError,
    ProverError,
    QemuTimeoutError,
    RefusedError,
    UnreadableDomainError,
    UsageError,
)
from prober.proof.models import Proof
from prober.service.client import Client
from prober.service.problems import Problem
from prober.service.routes import PROVE
from tests.recordings import FIXTURES, load_recording
from tests.unit.capabilities.asking import Asker, Told
from tests.unit.capabilities.making import make_binary
from tests.unit.service.proving import ToldJudge, prover
from tests.unit.service.running import make_settings, running

ID = "qemu-system-x86_64"
RECORDED = "qemu-5.2.0"
ROUTE = f"/v1/binaries/{ID}/prove"
LINE = ["some-qemu", "-S", "-device", "e1000,id=a b"]
DOMAIN = b"""<domain type='qemu'>
  <name>guest</name><memory unit='MiB'>256</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
</domain>"""

RECORDING = load_recording(FIXTURES / "qemu-7.2.22.replies.xz")


class Recorded(Asker):
    """Every binary says what QEMU 7.2 does."""

    async def __call__(self, path: str) -> Told:
        self.asked.append(path)
        return Told(RECORDING)


@contextmanager
def remote(path: Path, ident: str = ID) -> Iterator[Remote]:
    """The command's side of the service, whose connection is closed again: a command ends, and with it all of it."""
    made = Remote(path, ident)
    try:
        yield made
    finally:
        made._client.close()


@dataclass
class Served:
    """A service with a binary and a recording, and the judge of its prover."""

    client: Client
    judge: ToldJudge
    binary: str
    socket: Path

    def prove(self, body: bytes, kind: str = "", query: str = "") -> Proof:
        """The proof that is answered."""
        reply = self.client.post(ROUTE + query, body, kind)
        assert reply.status == 200, reply
        return Proof.model_validate(reply.value)

    def refused(self, status: int, body: bytes, kind: str = "", query: str = "", route: str = ROUTE) -> Problem:
        """The problem that is answered; nobody was asked to judge anything."""
        before = len(self.judge.asked)
        reply = self.client.post(route + query, body, kind)
        assert reply.status == status, reply
        assert len(self.judge.asked) == before
        return Problem.model_validate(reply.value)

    def words(self) -> list[str]:
        """The words that were judged last."""
        return [*self.judge.asked[-1][1].words]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("served")
    binary = make_binary(directory / "bin", ID)
    shutil.copy(FIXTURES / f"{RECORDED}.replies.xz", directory)
    recordings = {"recordings": [directory / f"{RECORDED}.replies.xz"]}
    settings = make_settings(directory, recordings, prover_socket=directory / "p.sock")
    judge = ToldJudge()
    with (
        prover(directory / "p.sock", judge, settings.catalog),
        running(settings, Recorded()) as path,
        Client(path, timeout=60) as client,
    ):
        yield Served(client, judge, str(binary), path)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (json.dumps(LINE).encode(), "application/json"),
        (json.dumps(LINE).encode(), ""),
        (b"some-qemu -S -device 'e1000,id=a b'", "text/plain"),
        (b"some-qemu -S -device 'e1000,id=a b'", "application/x-www-form-urlencoded"),
    ],
)
def test_an_argv_in_each_of_its_forms(served: Served, body: bytes, kind: str) -> None:
    proof = served.prove(body, kind)
    assert (proof.verdict, proof.ground, proof.translation) == ("proven", "proven", None)
    known, request = served.judge.asked[-1]
    assert known.path == served.binary, "the first word is never run"
    assert [*request.words] == LINE
    assert not request.anyway
    assert not request.assume_unknown_present


def test_what_is_asked_besides_is_handed_on(served: Served) -> None:
    served.prove(b'["q"]', "application/json", "?anyway=true&assume_unknown_present=yes")
    request = served.judge.asked[-1][1]
    assert request.anyway
    assert request.assume_unknown_present
    assert "anyway is 'perhaps'" in served.refused(400, b'["q"]', "application/json", "?anyway=perhaps").detail


@pytest.mark.parametrize("kind", ["application/xml", "text/xml", "", "text/plain", "application/octet-stream"])
def test_a_domain_is_translated_first(served: Served, kind: str) -> None:
    proof = served.prove(DOMAIN, kind, "?monitor=/run/m.sock&incoming=defer")
    assert proof.translation is not None
    assert served.words() == [*proof.translation.argv]
    assert proof.translation.argv[0] == served.binary
    assert "defer" in proof.translation.argv
    assert any("/run/m.sock" in word for word in proof.translation.argv)


def test_a_domain_that_is_refused_is_told_as_by_translate(served: Served) -> None:
    domain = DOMAIN.replace(b"</domain>", b"<devices><nonsense/></devices></domain>")
    problem = served.refused(422, domain, "application/xml")
    told = served.client.post(f"/v1/translate?binary={ID}", domain).value
    assert problem == Problem.model_validate(told)
    assert problem.refusals


@pytest.mark.parametrize(
    ("body", "kind", "query", "status", "words"),
    [
        (b'["q"]', "application/json", "?monitor=/m", 400, "for a domain"),
        (b'["q"]', "application/json", "?incoming=defer", 400, "for a domain"),
        (b'["q"]', "application/json", "?binary=x", 400, "unknown query parameter"),
        (b"<domain", "application/xml", "", 400, ""),
        (b'["q"]', "application/xml", "", 400, ""),
        (b"<domain/>", "application/json", "", 400, "not JSON"),
        (b'["q", "-name", "\\ud800"]', "application/json", "", 400, "word 2 of the command line is not UTF-8"),
        (b'["q", "\\u0000"]', "application/json", "", 400, "word 1 of the command line has a NUL"),
        (b"[]", "", "", 400, "not a JSON list of words"),
        (b"'", "text/plain", "", 400, ""),
        (b"q", "image/png", "", 415, "neither an argv nor a domain"),
        (b"q " * (200 << 10), "text/plain", "", 413, "larger than 262144 bytes"),
        (b"<" + b"x" * (2 << 20), "application/xml", "", 413, "larger than 1048576 bytes"),
    ],
)
def test_what_cannot_be_read_is_refused(
    served: Served, body: bytes, kind: str, query: str, status: int, words: str
) -> None:
    assert words in served.refused(status, body, kind, query).detail


def test_a_recording_proves_nothing(served: Served) -> None:
    problem = served.refused(409, b'["q"]', "application/json", route=f"/v1/binaries/{RECORDED}/prove")
    assert "is a recording, which cannot be started" in problem.detail
    assert problem.hint
    assert served.refused(409, DOMAIN, "application/xml", route=f"/v1/binaries/{RECORDED}/prove").type == problem.type


def test_an_unknown_binary_is_told(served: Served) -> None:
    assert served.refused(404, b'["/bin/true"]', route="/v1/binaries/true/prove").type == "urn:prober:unknown-binary"


@pytest.mark.parametrize(
    ("failure", "again"),
    [
        (BusyError("too many"), "1"),
        (ConfinementError("no bubblewrap", hint="install it"), None),
        (QemuTimeoutError("it took long"), None),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_what_gives_no_verdict_is_503_of_its_kind(served: Served, failure: Any, again: str | None) -> None:
    served.judge.failure = failure
    try:
        with socket.socket(socket.AF_UNIX) as raw:
            raw.settimeout(20)
            raw.connect(str(served.socket))
            raw.sendall(f'POST {ROUTE} HTTP/1.1\r\nContent-Length: 5\r\nConnection: close\r\n\r\n["q"]'.encode())
            answer = b"".join(iter(lambda: raw.recv(65536), b""))
        with remote(served.socket) as command, pytest.raises(type(failure), match=failure.message):
            command.prove(["q"], anyway=False, assume_unknown_present=False)
    finally:
        served.judge.failure = None
    head, _, body = answer.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert head.startswith(b"HTTP/1.1 503 ")
    assert headers.get("retry-after") == again
    assert json.loads(body)["type"] == f"urn:prober:{failure.kind}"


def test_without_a_prover_that_is_told(tmp_path: Path) -> None:
    make_binary(tmp_path / "bin", ID)
    settings = make_settings(tmp_path, prover_socket=tmp_path / "none.sock")
    with running(settings, Recorded()) as path, Client(path, timeout=60) as client:
        reply = client.post(ROUTE, b'["q"]', "application/json")
        assert (reply.status, reply.value["type"]) == (503, "urn:prober:prover")
        with remote(path) as command, pytest.raises(ProverError):
            command.prove(["q"], anyway=False, assume_unknown_present=False)


def test_the_command_asks_it(served: Served) -> None:
    with remote(served.socket) as command:
        proof = command.prove(LINE, anyway=True, assume_unknown_present=True)
        assert Proof.model_validate(proof).verdict == "proven"
        assert served.words() == LINE
        assert served.judge.asked[-1][1].anyway
        proof = command.prove_domain(DOMAIN, monitor="/m", incoming=None, anyway=False, assume_unknown_present=False)
        assert proof["translation"]["argv"] == served.words()
        with pytest.raises(RefusedError):
            command.prove_domain(
                DOMAIN.replace(b"<name>", b"<nam>x</nam><name>"),
                monitor=None,
                incoming=None,
                anyway=False,
                assume_unknown_present=False,
            )
        with pytest.raises(UnreadableDomainError):
            command.prove_domain(b"<", monitor=None, incoming=None, anyway=False, assume_unknown_present=False)
    with remote(served.socket, RECORDED) as command, pytest.raises(UsageError, match="is a recording"):
        command.prove(["q"], anyway=False, assume_unknown_present=False)


def test_it_is_for_those_who_may() -> None:
    assert PROVE.admin
    assert 403 in PROVE.errors
