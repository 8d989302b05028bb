"""The client, against services that answer badly on purpose: always an answer or a clear error, in time."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from prober.errors import ServiceError
from prober.service.client import Client, Reply
from tests.conftest import CHECKOUT

GOOD = b'HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\n{"a":1}'


@contextmanager
def serving(path: Path, behave: Callable[[socket.socket], None]) -> Iterator[None]:
    """Something on a socket that treats each connection in its own way."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    behave(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    assert not thread.is_alive()


def _saying(answer: bytes) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    return behave


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.sock"


def test_answer(path: Path) -> None:
    with serving(path, _saying(GOOD)), Client(path) as client:
        assert client.get("/x") == Reply(200, {"a": 1})
        assert client.get("/x").ok  # The connection was closed: another one is made.
        assert client.post("/x", b"body").value == {"a": 1}


def test_what_is_sent(path: Path) -> None:
    seen: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))
        connection.sendall(GOOD)

    with serving(path, behave), Client(path) as client:
        client.get("/a?b=c")
        client.post("/d", b"<xml/>", "text/xml")
    assert seen == [
        b"GET /a?b=c HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /d HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: 6\r\n\r\n<xml/>",
    ]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "closed before the answer"),
        (b"HTTP/1.1 200 OK\r\n", "closed before the answer"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", "closed before the answer"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "is not what prober's service sends"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", "is not what prober's service sends"),
        (b"HTTP/1.1 2x0 OK\r\ncontent-length: 2\r\n\r\n{}", "is not what prober's service sends"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}", "is not what prober's service sends"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}{}", "has more bytes than it says"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{x", "is not JSON"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n\xff\xff", "is not JSON"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n", "is larger than 1000 bytes"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999999\r\n\r\n", "is larger than 1000 bytes"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, "more than 64 KiB of headers"),
    ],
)
def test_strange_answer(path: Path, answer: bytes, said: str) -> None:
    with (
        serving(path, _saying(answer)),
        Client(path, max_response=1000) as client,
        pytest.raises(ServiceError) as error,
    ):
        client.get("/x")
    assert said in error.value.message


def test_deeply_nested_answer(path: Path) -> None:
    body = b"[" * 200_000
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    with serving(path, _saying(answer)), Client(path) as client, pytest.raises(ServiceError, match="is not JSON"):
        client.get("/x")


def _hang(connection: socket.socket) -> None:
    while connection.recv(1 << 20):
        pass


def _drip(connection: socket.socket) -> None:
    connection.recv(65536)
    for byte in GOOD * 100:
        connection.sendall(bytes([byte]))
        time.sleep(0.02)


def _take_nothing(connection: socket.socket) -> None:
    time.sleep(1)


@pytest.mark.parametrize("behave", [_hang, _drip, _take_nothing])
def test_slow_service(path: Path, behave: Callable[[socket.socket], None]) -> None:
    began = time.monotonic()
    with serving(path, behave), Client(path, timeout=0.3) as client:
        with pytest.raises(ServiceError, match=r"no answer on .* within 0.3 seconds"):
            client.post("/x", b"x" * 10_000_000)
        assert time.monotonic() - began < 1


def test_answer_before_the_body_is_taken(path: Path) -> None:
    problem = b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"

    def behave(connection: socket.socket) -> None:
        connection.recv(10)
        connection.sendall(problem)

    with serving(path, behave), Client(path) as client:
        assert client.post("/x", b"x" * 10_000_000).status == 413


def test_connection_that_was_closed_while_idle(path: Path) -> None:
    keep = GOOD.replace(b"connection: close\r\n", b"")
    with serving(path, _saying(keep)), Client(path) as client:
        for _ in range(3):
            assert client.get("/x").ok


def test_no_service(path: Path) -> None:
    with pytest.raises(ServiceError, match="there is no service") as error:
        Client(path).get("/x")
    assert "prober serve" in error.value.hint
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    with pytest.raises(ServiceError, match="nobody answers"):
        Client(path).get("/x")
    with pytest.raises(ServiceError, match="failed"):
        Client("/" + "x" * 300).get("/x")


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed for this")
def test_no_permission(tmp_path: Path, path: Path) -> None:
    program = (
        "import os, sys; from prober.service.client import Client; from prober.errors import ServiceError\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: Client(sys.argv[1]).get('/x')\n"
        "except ServiceError as error: print(error)"
    )
    with serving(path, _saying(GOOD)):
        for directory in (tmp_path, *tmp_path.parents[:2]):
            directory.chmod(0o755)
        path.chmod(0o660)
        done = subprocess.run(
            [sys.executable, "-c", program, str(path)],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert "may not be used (are you in the group" in done.stdout


@pytest.mark.parametrize("target", ["", "x", "/a b", "/a\r\nX: y", "/\u00e4", "http://x/"])
def test_wrong_path(path: Path, target: str) -> None:
    with pytest.raises(ServiceError, match="is not a quoted path"):
        Client(path).get(target)


def test_nothing_heavy_is_imported() -> None:
    program = "import sys; import prober.service.client; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    heavy = {"pydantic", "fastapi", "http.client", "ssl", "email", "asyncio", "typer", "prober.capabilities", "lxml"}
    assert not heavy & set(done.stdout.split())
