"""Changes told to those who listen, over a real socket: as a stream, and to a question that waits."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from prober.capabilities.changes import AnswerChange, NumberedLog
from prober.errors import BusyError
from prober.service.client import Client
from prober.service.events import MOST_LISTENERS, MOST_OF_ONE_USER, Listening
from prober.service.messages import Request, Response
from prober.service.peers import Peer
from tests.conftest import aio
from tests.raw_http import connect
from tests.unit.capabilities.asking import ID, Asker
from tests.unit.capabilities.making import make_binary, make_recording
from tests.unit.service.running import make_settings, running

pytestmark = pytest.mark.slow

#: Seconds that anything may take; a fault shows long before.
PATIENCE = 60.0


@dataclass
class Served:
    """A service with one binary."""

    socket: Path
    asker: Asker
    bin_dir: Path
    upgrades: int = 0

    def client(self) -> Client:
        return Client(self.socket, timeout=PATIENCE)

    def upgrade(self) -> None:
        """Install another version."""
        self.upgrades += 1
        self.asker.answers[str(self.bin_dir / ID)] = make_recording((8, self.upgrades, 0))
        make_binary(self.bin_dir, text="x" * (10 + self.upgrades))

    def changes(self, since: str | None = None, wait: float = 0) -> Any:
        query = "" if since is None else f"?since={since}&wait={wait}"
        with self.client() as client:
            reply = client.get(f"/v1/changes{query}")
        assert reply.ok, reply
        return reply.value


class Stream:
    """One that listens: a plain socket, and what is read of it."""

    def __init__(self, path: Path, headers: str = "", method: str = "GET", version: str = "1.1") -> None:
        self.socket = connect(path, PATIENCE)
        self.socket.sendall(f"{method} /v1/events HTTP/{version}\r\nHost: x\r\n{headers}\r\n".encode())
        self.data = b""

    def close(self) -> None:
        self.socket.close()

    def read_until(self, what: bytes) -> bytes:
        """All that came, once this is in it, or the service has hung up."""
        while what not in self.data and (piece := self.socket.recv(65536)):
            self.data += piece
        assert what in self.data, self.data
        return self.data

    def read_all(self) -> bytes:
        while piece := self.socket.recv(65536):
            self.data += piece
        return self.data

    def events(self) -> list[dict[str, Any]]:
        """What was told so far."""
        return [
            {"event": fields["event"], "id": fields["id"], **json.loads(fields["data"])}
            for block in dechunked(self.data).split("\n\n")
            if "data: " in block
            for fields in [dict(line.split(": ", 1) for line in block.split("\n"))]
        ]


def dechunked(data: bytes) -> str:
    """The body, put together from its chunks."""
    _, _, rest = data.partition(b"\r\n\r\n")
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        body, rest = body + rest[:length], rest[length + 2 :]
    return body.decode()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    make_binary(tmp_path / "bin")
    asker = Asker()
    with running(make_settings(tmp_path, {"cache_dir": None}, max_connections=200), asker) as path:
        made = Served(path, asker, tmp_path / "bin")
        with made.client() as client:
            assert client.get(f"/v1/binaries/{ID}").ok
        deadline = time.monotonic() + PATIENCE
        while not made.changes()["changes"]:
            assert time.monotonic() < deadline
        yield made


def test_a_stream_tells_of_each_change(served: Served) -> None:
    stream = Stream(served.socket)
    head = stream.read_until(b"\n\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-type: text/event-stream\r\n" in head
    assert b"content-length" not in head
    served.upgrade()
    stream.read_until(b'"now":"8.1.0"')
    served.upgrade()
    stream.read_until(b'"now":"8.2.0"')
    first, second = stream.events()
    assert (first["event"], first["kind"], first["entry"], first["part"]) == ("change", "changed", ID, "file")
    assert first["difference"] == {"before": "7.2.22", "now": "8.1.0", "counts": {}}
    assert second["before"] == first["now"]
    AnswerChange.model_validate({name: value for name, value in second.items() if name != "event"})
    stream.close()


def test_a_stream_goes_on_where_it_ended(served: Served) -> None:
    stream = Stream(served.socket)
    served.upgrade()
    stream.read_until(b'"now":"8.1.0"')
    stream.close()
    (seen,) = stream.events()
    served.upgrade()
    assert served.changes(seen["id"], 20)["changes"]
    again = Stream(served.socket, f"Last-Event-ID: {seen['id']}\r\n")
    again.read_until(b'"now":"8.2.0"')
    assert [event["difference"]["now"] for event in again.events()] == ["8.2.0"]
    again.close()


@pytest.mark.parametrize("unknown", ["18ec8d106763fdee-1", "nonsense", "x" * 1000])
def test_what_is_no_longer_known_is_a_reset(served: Served, unknown: str) -> None:
    stream = Stream(served.socket, f"Last-Event-ID: {unknown}\r\n")
    stream.read_until(b"event: reset")
    stream.read_until(b"}\n\n")
    (event,) = stream.events()
    assert event["id"] == served.changes()["id"]
    served.upgrade()
    stream.read_until(b"event: change")
    stream.close()


def test_another_form_of_the_last_number_makes_no_flood(served: Served) -> None:
    """It was told at once and for ever that there is nothing new, which took all of the service's time."""
    epoch, _, number = served.changes()["id"].partition("-")
    stream = Stream(served.socket, f"Last-Event-ID: {epoch}-00{number}\r\n")
    try:
        stream.read_until(b"event: reset")
        stream.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            stream.read_all()
        assert stream.data.count(b"still here") <= 1
    finally:
        stream.close()
    assert served.changes(f"{epoch}-00{number}")["reset"]


def test_a_stream_ends_with_the_service(tmp_path: Path) -> None:
    """It is no request that is waited for, and neither is a question that waits for a change."""
    make_binary(tmp_path / "bin")
    with running(make_settings(tmp_path), Asker()) as path:
        streams = [Stream(path) for _ in range(3)]
        for stream in streams:
            stream.read_until(b"\n\n")
        waiting = Stream(path, method="GET /v1/changes?since=x HTTP/1.1\r\nHost: x\r\n\r\nGET")
        waiting.read_until(b'"reset":true')
        began = time.monotonic()
    assert time.monotonic() - began < PATIENCE / 2
    for stream in streams:
        assert stream.read_all().endswith(b"0\r\n\r\n")
        stream.close()
    waiting.close()


def test_so_many_listen_and_no_more(served: Served) -> None:
    with ExitStack() as stack:
        streams = [Stream(served.socket) for _ in range(MOST_OF_ONE_USER - 1)]
        for stream in streams:
            stack.callback(stream.close)
            stream.read_until(b"\n\n")
        last = served.changes()["id"]
        asking = stack.enter_context(connect(served.socket, PATIENCE))
        asking.sendall(f"GET /v1/changes?since={last}&wait=60 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        refused = _until_refused(served)
        assert b'"urn:prober:busy"' in refused
        assert b"\r\nretry-after: " in refused
        with served.client() as client:
            reply = client.get(f"/v1/changes?since={last}&wait=1")
            assert (reply.status, reply.value["type"]) == (503, "urn:prober:busy")
            assert client.get(f"/v1/changes?since={last}").ok  # Who does not wait does not listen.
    # They have gone, those that waited too: all places are free again.
    deadline = time.monotonic() + PATIENCE
    while True:
        streams = [Stream(served.socket) for _ in range(MOST_OF_ONE_USER)]
        heads = [stream.read_until(b"\r\n\r\n") for stream in streams]
        for stream in streams:
            stream.close()
        if all(head.startswith(b"HTTP/1.1 200") for head in heads):
            return
        assert time.monotonic() < deadline, "places of listeners are left over"


def _listen(listening: Listening[Any], who: int | str, number: int = 1) -> list[Response]:
    """By a uid, or by the name in a certificate."""
    peer, name = (None, who) if isinstance(who, str) else (Peer(who, who), "")
    request = Request("GET", "/v1/events", b"", [], lambda _: None, keep_alive=True, peer=peer, name=name)
    return [listening.stream(request) for _ in range(number)]


@pytest.mark.parametrize("users", [(1, 2, 3), ("a", "b", "c"), ("a", 1, "b")])
def test_one_user_leaves_places_for_others(users: tuple[int | str, ...]) -> None:
    listening: Listening[Any] = Listening(NumberedLog(), lambda _: BaseModel(), "changes")
    first = _listen(listening, users[0], MOST_OF_ONE_USER)
    with pytest.raises(BusyError, match="of this user"):
        _listen(listening, users[0])
    others = MOST_LISTENERS - MOST_OF_ONE_USER
    _listen(listening, users[1], others)
    with pytest.raises(BusyError, match=f"{MOST_LISTENERS} clients listen"):
        _listen(listening, users[2])
    body = first[0].stream
    assert body is not None
    aio(body.aclose())
    aio(body.aclose())
    assert listening.listeners == MOST_LISTENERS - 1
    _listen(listening, users[2])


def _until_refused(served: Served) -> bytes:
    """The answer to a stream too many; the question that waits may not have arrived yet."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        stream = Stream(served.socket)
        head = stream.read_until(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 503"):
            stream.read_until(b"}")
            stream.close()
            return stream.data
        stream.close()
    raise AssertionError("nobody was refused")


def test_old_http_gets_its_stream_until_the_end(served: Served) -> None:
    stream = Stream(served.socket, version="1.0")
    head = stream.read_until(b"id: ")
    assert b"transfer-encoding" not in head
    assert b"connection: close\r\n" in head
    stream.close()


def test_a_question_waits_for_a_change(served: Served) -> None:
    at = served.changes()["id"]
    served.upgrade()
    told = served.changes(at, 20)
    assert [change["difference"]["now"] for change in told["changes"]] == ["8.1.0"]
    assert not told["reset"]
    began = time.monotonic()
    assert served.changes(told["id"], 0.3) == {"changes": [], "id": told["id"], "reset": False}
    assert time.monotonic() - began >= 0.3
    assert served.changes("nonsense", 20) == {"changes": [], "id": told["id"], "reset": True}
    assert [change["kind"] for change in served.changes()["changes"]] == ["learned", "changed"]


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "x", "1e999"])
def test_strange_waits_are_refused(served: Served, wait: str) -> None:
    with served.client() as client:
        reply = client.get(f"/v1/changes?since=x&wait={wait}")
    assert (reply.status, reply.value["hint"]) == (400, "write seconds, 0 to 60")
