"""Clients that send too much, too slowly, too often, or go away: each is let go, and the others are served."""

from __future__ import annotations

import fcntl
import re
import socket
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from prober.service.client import Client
from tests.raw_http import connect, everything
from tests.unit.capabilities.asking import Asker
from tests.unit.capabilities.making import make_binary
from tests.unit.service.running import make_settings, running

REQUEST_S = 0.4
IDLE_S = 0.6
CONNECTIONS = 8
MAX_HEAD = 2048
MAX_BODY = 100_000


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("bounds")
    make_binary(directory / "bin")
    settings = make_settings(
        directory,
        max_body=MAX_BODY,
        max_head=MAX_HEAD,
        max_connections=CONNECTIONS,
        request_s=REQUEST_S,
        idle_s=IDLE_S,
        response_s=REQUEST_S,
    )
    with running(settings, Asker()) as made:
        yield made


@pytest.fixture(autouse=True)
def _others_are_served(path: Path) -> Iterator[None]:
    """After each of these clients the service answers, and no connection is left over."""
    yield
    deadline = time.monotonic() + 10
    with ExitStack() as stack:
        while True:
            try:
                for _ in range(CONNECTIONS):
                    client = stack.enter_context(Client(path, timeout=10))
                    assert client.get("/healthz").ok
                return
            except AssertionError:
                stack.close()
                assert time.monotonic() < deadline, "connections are left over"
                time.sleep(0.05)


def status_of(answer: bytes) -> int:
    """The status of the only answer, which has to be a problem with all its headers."""
    match = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    assert match, answer
    assert b"application/problem+json" in answer
    assert answer.count(b"HTTP/1.1 ") == 1
    return int(match[1])


GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /v1/translate HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

TOO_MUCH: dict[str, tuple[bytes, int]] = {
    "a long path": (b"GET /" + b"a" * MAX_HEAD + b" HTTP/1.1\r\n\r\n", 431),
    "a long header": (GET + b"X: " + b"a" * MAX_HEAD + b"\r\n\r\n", 431),
    "many headers": (GET + b"X: 1\r\n" * MAX_HEAD + b"\r\n", 431),
    "a header without end": (GET + b"X: " + b"a" * 100_000, 431),
    "a path without end": (b"GET /" + b"a" * 100_000, 431),
    "a declared body": (POST + b"Content-Length: 999999999\r\n\r\n", 413),
    "a body": (POST + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1) + b"x" * (MAX_BODY + 1), 413),
    "a body in chunks": (CHUNKED + b"10000\r\n" + b"x" * 65536 + b"\r\n10000\r\n" + b"x" * 65536, 413),
    "no HTTP": (b"hello\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "a wrong length": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    "a length and chunks": (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "a wrong chunk": (CHUNKED + b"zz\r\n", 400),
    "many small headers": (GET + b"X:1\r\n" * 101 + b"\r\n", 431),
    "many trailers": (CHUNKED + b"0\r\n" + b"X:1\r\n" * 101 + b"\r\n", 431),
    "many trailers without end": (CHUNKED + b"1\r\nx\r\n0\r\n" + b"a:b\r\n" * 100_000, 431),
    "long trailers": (CHUNKED + b"0\r\n" + b"X: %s\r\n" % (b"a" * 1000) * 8, 431),
    "a trailer without end": (CHUNKED + b"0\r\nX: " + b"a" * 100_000, 431),
    "the name of a chunk without end": (CHUNKED + b"1;" + b"a" * 100_000, 431),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_too_much_or_wrong(path: Path, name: str) -> None:
    sent, status = TOO_MUCH[name]
    with connect(path) as client:
        with suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(sent)
        assert status_of(everything(client)) == status


def test_largest_head_and_body_that_are_taken(path: Path) -> None:
    with connect(path) as client:
        client.sendall(GET + b"X: " + b"a" * (MAX_HEAD - 100) + b"\r\nConnection: close\r\n\r\n")
        assert everything(client).startswith(b"HTTP/1.1 200")
    with Client(path) as whole:
        assert whole.post("/v1/translate", b" " * MAX_BODY).status == 400


SLOW: dict[str, tuple[bytes, bytes]] = {
    "nothing at all": (b"", b""),
    "a head byte by byte": (b"GET /healthz HTTP/1.1\r\nX: ", b"a"),
    "empty lines": (b"", b"\r\n"),
    "a body byte by byte": (POST + b"Content-Length: 1000\r\n\r\n", b"x"),
    "a body in small chunks": (CHUNKED, b"1\r\nx\r\n"),
}


@pytest.mark.parametrize("name", SLOW)
def test_slow_client_is_let_go(path: Path, name: str) -> None:
    first, drop = SLOW[name]
    began = time.monotonic()
    with connect(path) as client:
        client.sendall(first)
        client.settimeout(0.05)
        answer = b""
        while time.monotonic() - began < REQUEST_S * 5:
            try:
                client.sendall(drop)
                answer += client.recv(65536)
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
            if answer:
                break
        assert time.monotonic() - began < REQUEST_S * 3
        assert status_of(answer) == 408


def test_idle_connection_is_closed(path: Path) -> None:
    with connect(path) as client:
        client.sendall(GET + b"\r\n")
        began = time.monotonic()
        answer = everything(client)
        assert answer.startswith(b"HTTP/1.1 200")
        assert IDLE_S * 0.8 < time.monotonic() - began < IDLE_S * 4


def test_empty_lines_do_not_keep_a_connection(path: Path) -> None:
    with connect(path) as client:
        client.sendall(GET + b"\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        client.sendall(b"\r\n")
        began = time.monotonic()
        everything(client)
        assert time.monotonic() - began < REQUEST_S * 3


def test_client_that_does_not_read(path: Path) -> None:
    """It asks for more than the buffers of both sides hold, and never takes it."""
    with connect(path) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.settimeout(0.05)
        request = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
        began = time.monotonic()
        try:
            while time.monotonic() - began < 10:
                try:
                    client.sendall(request)
                except TimeoutError:
                    continue
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert time.monotonic() - began < 8


def test_trailers_are_dropped(path: Path) -> None:
    """They are no headers: this one would make the body a JSON list."""
    body = b"2\r\n[]\r\n0\r\nContent-Type: text/xml\r\nX: 1\r\n\r\n"
    with connect(path) as client:
        client.sendall(b"POST /v1/check-argv HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body + GET + b"\r\n")
        answers = client.recv(65536)
        while b"200 OK" not in answers:
            answers += client.recv(65536)
    assert b"not a JSON list of words" in answers


def test_one_connection_more_takes_the_place_of_an_idle_one(path: Path) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(path)) for _ in range(CONNECTIONS)]
        for client in clients:
            client.sendall(GET + b"\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
        clients[0].sendall(GET + b"\r\n")  # So the second is idle for the longest time.
        assert clients[0].recv(65536).startswith(b"HTTP/1.1 200")
        with connect(path) as new:
            new.sendall(GET + b"\r\n")
            assert new.recv(65536).startswith(b"HTTP/1.1 200")
            assert clients[1].recv(65536) == b""
            clients[0].sendall(GET + b"\r\n")
            assert clients[0].recv(65536).startswith(b"HTTP/1.1 200")


def test_too_many_connections_in_use(path: Path) -> None:
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            client = stack.enter_context(connect(path))
            client.sendall(GET)
            while int.from_bytes(fcntl.ioctl(client, termios.TIOCOUTQ, bytes(4)), sys.byteorder):
                time.sleep(0.001)  # The service has not read it yet.
        refused = everything(stack.enter_context(connect(path)))
        assert status_of(refused) == 503
        assert b"\r\nretry-after: 1\r\n" in refused


@pytest.mark.parametrize("sent", [b"", b"GET /he", POST + b"Content-Length: 10\r\n\r\nabc", GET + b"\r\n" + GET])
@pytest.mark.parametrize("leave", [socket.SHUT_RDWR, None])
def test_client_that_goes_away(path: Path, sent: bytes, leave: int | None, caplog: pytest.LogCaptureFixture) -> None:
    client = connect(path)
    client.sendall(sent)
    if leave is not None:
        client.shutdown(leave)
    client.close()
    with Client(path) as other:
        assert other.get("/healthz").ok
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_pipelined_requests_are_answered_in_order(path: Path) -> None:
    with connect(path) as client:
        client.sendall((GET + b"\r\n") * 3 + b"GET /nope HTTP/1.1\r\nConnection: close\r\n\r\n")
        answer = everything(client)
    assert [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3})", answer)] == [200, 200, 200, 404]


def test_many_pipelined_requests_are_answered(path: Path) -> None:
    """They come in one piece, and a large body with them; nothing of it is lost."""
    body = b"Content-Length: %d\r\n\r\n" % MAX_BODY + b" " * MAX_BODY
    with connect(path) as client:
        client.sendall((GET + b"\r\n") * 300 + POST + body + GET + b"Connection: close\r\n\r\n")
        answer = everything(client)
    codes = [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]
    assert codes == [200] * 300 + [400, 200]


@pytest.mark.parametrize("requests", [1, 5])
def test_client_that_sends_no_more_is_answered(path: Path, requests: int) -> None:
    """``nc -N`` does so.  This answer takes a worker, and comes long after the end of what is sent."""
    body = b"<domain type='qemu'/>"
    sent = POST + b"Content-Type: application/xml\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with connect(path) as client:
        client.sendall(sent * requests)
        client.shutdown(socket.SHUT_WR)
        answer = everything(client)
    codes = [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]
    assert codes == [422] * requests


def test_upgrade_is_ignored(path: Path) -> None:
    """The request is answered as any other, and the connection is closed: what follows might be another protocol."""
    with connect(path) as client:
        client.sendall(GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + GET + b"\r\n")
        answer = everything(client)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("target", ["/healthz", "/v1/binaries", "/openapi.json", "/nothing"])
def test_head_has_the_headers_of_get_and_no_body(path: Path, target: str) -> None:
    with connect(path) as client:
        client.sendall(f"GET {target} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
        whole = everything(client).partition(b"\r\n\r\n")
    with connect(path) as client:
        client.sendall(f"HEAD {target} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
        head = everything(client).partition(b"\r\n\r\n")
    assert len(head[2]) == 0 < len(whole[2])
    assert _without_binding(head[0]) == _without_binding(whole[0].replace(b"GET", b"HEAD"))
    assert b"content-length: %d" % (len(whole[2]) + (target == "/nothing")) in head[0]


def _without_binding(head: bytes) -> list[bytes]:
    """The lines of a head, but for the request's name, and the length of an error's text, which names the method."""
    left_out = (b"x-request-id", b"content-length") if b" 404 " in head else (b"x-request-id",)
    return [line for line in head.split(b"\r\n") if not line.startswith(left_out)]


def test_head_of_what_is_no_get(path: Path) -> None:
    with connect(path) as client:
        client.sendall(b"HEAD /v1/translate HTTP/1.1\r\nConnection: close\r\n\r\n")
        head, _, body = everything(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 405")
    assert b"allow: POST\r\n" in head + b"\r\n"
    assert not body


def test_another_method_is_told_of_get_and_head(path: Path) -> None:
    with connect(path) as client:
        client.sendall(b"DELETE /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert b"allow: GET, HEAD\r\n" in everything(client)
