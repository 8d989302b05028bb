"""A reader over TCP, with real certificates: who is let in, who is not and hears why, and what is held for whom."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from prober.errors import ServiceError
from prober.service.fleet.server import ReaderSettings
from prober.service.logs.handlers import ACCESS_LOG
from prober.service.settings import ServiceSettings
from prober.service.tls.client import TlsClient
from prober.service.tls.gate import MOST_STRANGERS
from tests.fleet.certificates import Authority
from tests.fleet.nats_server import free_ports
from tests.fleet.over_tcp import ALLOWED, Party, Reading, make_party, reading, told
from tests.fleet.reading import PATIENCE, running_reader
from tests.unit.fleet.fleets import domain, recorded
from tests.unit.service.test_fleet_reader import give

pytestmark = pytest.mark.needs("openssl")

XML = domain(kind="qemu")

#: How long (seconds) a client may take to say who it is, and to send a head.
REQUEST_S = 1.5


@pytest.fixture(scope="module", name="party")
def _party(tmp_path_factory: pytest.TempPathFactory) -> Party:
    return make_party(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module", name="store")
def _store(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:{tmp_path_factory.mktemp('fleet') / 'fleet.db'}"
    give(url, {"a": recorded("7.2.22")})
    return url


@pytest.fixture(scope="module", name="reader")
def _reader(party: Party, store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    with reading(
        party, store, tmp_path_factory.mktemp("r"), request_s=REQUEST_S, max_connections=8, log_requests=True
    ) as made:
        yield made


@pytest.mark.parametrize(("who", "name"), list(zip(("dns", "uri", "cn"), ALLOWED, strict=True)))
def test_who_is_on_the_list_gets_what_the_socket_gives(
    reader: Reading, who: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, ACCESS_LOG)
    expected = reader.client.post("/v1/fleet/can", XML)
    with TlsClient(reader.asking(who), timeout=PATIENCE) as client:
        for _ in range(2):
            reply = client.post("/v1/fleet/can", XML)
            assert reply.status == 200
            assert {**reply.value, "as_of": 0} == {**expected.value, "as_of": 0}
        assert client.post("/v1/fleet/can", b" " * ((1 << 20) + 1)).status == 413
        assert client.get("/v1/fleet/hosts?limit=1").value["hosts"] == 1
    logged = [record.fields["client"] for record in caplog.records if record.name == ACCESS_LOG]  # type: ignore[attr-defined]
    assert logged == ["", name, name, name, name]


@pytest.mark.parametrize("who", ["host", "star", "uri of dns", "capital", "nobody"])
def test_who_is_not_on_the_list_gets_nothing(reader: Reading, who: str) -> None:
    """A good certificate of the same authority, as each host has one: 403, whatever is asked for.

    Capital letters are the same in names of the kind DNS alone.
    """
    before = reader.count("forbidden")
    for path in ("/v1/fleet/hosts", "/healthz", "/metrics", "/nothing"):
        with TlsClient(reader.asking(who), timeout=PATIENCE) as client:
            reply = client.get(path)
        assert (reply.status, reply.value["type"]) == (403, "urn:prober:forbidden")
        assert "who may not ask here" in reply.value["detail"]
    assert reader.count("forbidden") == before + 4


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("other", "does not know the authority"),
        ("expired", "has expired"),
        ("server", "not one of a client"),
        ("", "asks for a certificate, and got none"),
    ],
)
def test_whose_certificate_does_not_count_is_let_go_and_hears_why(reader: Reading, who: str, said: str) -> None:
    before = reader.count("tls")
    address = reader.asking(who) if who else f"{reader.url}?ca={reader.party.own.ca}"
    with TlsClient(address, timeout=PATIENCE) as client, pytest.raises(ServiceError, match=said):
        client.post("/v1/fleet/can", XML * 100)
    assert reader.count("tls") == before + 1


def test_a_reader_that_is_not_the_one_that_is_meant_is_not_asked(reader: Reading, party: Party, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    pair = party.clients["dns"]
    with pytest.raises(ServiceError, match=r"is not trusted: (self-signed|unable to get)"):
        TlsClient(pair.asking(reader.url, other.ca)).get("/healthz")
    named = reader.url.replace("127.0.0.1", "localhost")
    with pytest.raises(ServiceError, match="is not trusted: Hostname mismatch"):
        TlsClient(pair.asking(named, party.own.ca)).get("/healthz")


def test_what_is_no_tls_is_closed(reader: Reading) -> None:
    for data in (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        os.urandom(2000),
        b"\x16\x03\x01\xff\xff" + b"\0" * 70_000,
    ):
        with reader.connected() as one, suppress(ConnectionError):
            one.sendall(data)
            while got := one.recv(65536):
                assert b"HTTP" not in got


def test_who_says_nothing_is_let_go_in_time(reader: Reading) -> None:
    """Before there is TLS, and behind it."""
    before = reader.count("slow")
    with reader.connected() as silent, reader.handshaken("dns") as slow:
        began = time.monotonic()
        slow.sendall(b"GET /healthz HT")
        answer = slow.recv(65536)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert silent.recv(10) == b""
        assert REQUEST_S * 0.8 < time.monotonic() - began < PATIENCE / 2
    assert reader.count("slow") == before + 2


def test_a_head_that_is_too_large_is_refused(reader: Reading) -> None:
    with reader.handshaken("dns") as one:
        one.sendall(b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 20_000)
        assert one.recv(65536).startswith(b"HTTP/1.1 431 ")


def test_clients_are_counted_by_name(reader: Reading) -> None:
    """Who has the most gives way."""
    with ExitStack() as stack:
        other = stack.enter_context(TlsClient(reader.asking("uri"), timeout=PATIENCE))
        assert other.get("/healthz").ok
        many = [stack.enter_context(reader.handshaken("dns")) for _ in range(10)]
        for one in many[-3:]:
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert one.recv(65536).startswith(b"HTTP/1.1 200 ")
        before = other._socket
        assert other.get("/healthz").ok
        assert other._socket is before
        with suppress(ConnectionError):
            assert many[0].recv(1) == b""


@pytest.mark.slow
def test_strangers_keep_nobody_out(party: Party, store: str, tmp_path: Path) -> None:
    """As many as come and say nothing: the oldest of them goes for each that is too many."""
    with reading(party, store, tmp_path, request_s=PATIENCE) as reader, ExitStack() as stack:
        silent = [stack.enter_context(reader.connected()) for _ in range(MOST_STRANGERS + 20)]
        with TlsClient(reader.asking("dns"), timeout=PATIENCE) as client:
            assert client.get("/healthz").ok
        for one in silent[:20]:
            with suppress(ConnectionError):
                assert one.recv(1) == b""
        silent[-1].setblocking(False)
        with pytest.raises(BlockingIOError):
            silent[-1].recv(1)


def test_a_large_answer_is_read_slowly_and_whole(reader: Reading) -> None:
    """Also where the connection ends with it, and where the client takes its time."""
    with reader.handshaken("cn") as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        request = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n"
        one.sendall((request + b"\r\n") * 7 + request + b"Connection: close\r\n\r\n")
        time.sleep(0.3)  # More waits at the other side than the kernel takes for us.
        data = b""
        while got := one.recv(65536):
            data += got
        assert data.count(b"HTTP/1.1 200 OK") == 8
        assert len(data) > 250_000
        assert json.loads(data[data.rindex(b"\r\n\r\n") :])["openapi"] == "3.1.0"


def test_an_event_stream_ends_with_the_reader(party: Party, store: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        with reading(party, store, tmp_path) as reader:
            stream = stack.enter_context(reader.handshaken("dns"))
            stream.sendall(b"GET /v1/fleet/events HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"text/event-stream" in stream.recv(65536)
            stranger = stack.enter_context(reader.connected())
        with suppress(ConnectionError):
            while stream.recv(65536):
                pass
        with suppress(ConnectionError):
            assert stranger.recv(1) == b""


def test_a_connection_lasts_no_longer_than_its_certificate(
    party: Party, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that listens to changes."""
    ahead = party.clients["cn"].ends() - time.time() - 3
    monkeypatch.setattr("prober.service.tls.connection.time", SimpleNamespace(time=lambda: time.time() + ahead))
    with (
        reading(party, store, tmp_path) as reader,
        reader.handshaken("cn") as stream,
        TlsClient(reader.asking("cn"), timeout=PATIENCE) as client,
    ):
        stream.sendall(b"GET /v1/fleet/events HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"text/event-stream" in stream.recv(65536)
        assert client.get("/healthz").ok
        began = time.monotonic()
        while stream.recv(65536):
            pass
        assert time.monotonic() - began < 15  # before it would be closed as nothing is said


@pytest.mark.parametrize("what", ["open key", "no key", "encrypted", "no authority", "taken"])
def test_a_reader_that_cannot_serve_says_so(party: Party, store: str, tmp_path: Path, what: str) -> None:
    (port,) = free_ports(1)
    settings = told(party, port)
    key = tmp_path / "key"
    key.write_bytes(party.server.key.read_bytes())
    key.chmod(0o640 if what == "open key" else 0o600)
    change: dict[str, Any] = {"key": key}
    said = "others may use it"
    with ExitStack() as stack:
        if what == "no key":
            key.write_text("no key at all")
            said = "cannot be used for TLS"
        elif what == "encrypted":
            words: list[str | Path] = [
                "openssl",
                "pkey",
                "-in",
                party.server.key,
                "-out",
                key,
                "-aes256",
                "-passout",
                "pass:x",
            ]
            subprocess.run(words, check=True)
            said = "is encrypted"
        elif what == "no authority":
            change["ca"] = tmp_path / "none"
            said = "none cannot be used for TLS"
        elif what == "taken":
            stack.enter_context(socket.create_server(("127.0.0.1", port)))
            said = "cannot listen on 127.0.0.1"
        fleet = settings.fleet.model_copy(update=change)
        reader = ReaderSettings(store=store, socket=tmp_path / "r.sock", told=ServiceSettings(fleet=fleet))
        with pytest.raises(ServiceError, match=said), running_reader(reader):
            pass
    assert not reader.socket.exists()
