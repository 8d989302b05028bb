"""The socket for Prometheus as systemd hands it over: /metrics and nothing else, to a service without a network."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from prober.service.client import Client
from tests.integration.processes import PATIENCE, PROBER, wait_until
from tests.raw_http import everything

pytestmark = [pytest.mark.needs("systemd"), pytest.mark.needs("setpriv")]

#: As the service has it (prober/service/server.py).
MOST = 32

#: It hands on nothing of the environment by itself; the path is where a checkout is tried that is not installed.
_ACTIVATE = ["systemd-socket-activate", *(["--setenv=PYTHONPATH"] if "PYTHONPATH" in os.environ else [])]


@dataclass
class Watched:
    """A service with both sockets; ``process`` is the service itself once somebody came."""

    api: Path
    port: int
    process: subprocess.Popen[bytes]

    def connect(self) -> socket.socket:
        """A client of the metrics' socket."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def is_there(self) -> bool:
        """Whether somebody listens on the metrics' socket, who may be systemd yet."""
        with suppress(ConnectionRefusedError), self.connect():
            return True
        return False

    def ask(self, request: bytes) -> bytes:
        """All that comes until the connection is closed."""
        with self.connect() as client:
            client.sendall(request)
            return everything(client)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int, pid: int) -> bool:
    """Whether somebody listens there, in the network of this process.  Nobody is asked: that starts the service."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
        return any(line.split()[1] == f"0100007F:{port:04X}" and line.split()[3] == "0A" for line in lines)
    return False


@contextmanager
def _watched(directory: Path, *before: str) -> Iterator[Watched]:
    """``systemd-socket-activate`` starts the service when the first client comes, as systemd does with the units: it
    becomes the service."""
    api, port = directory / "api.sock", _free_port()
    command = [*before, PROBER, "serve", "--config", "/dev/null", "--quiet", "--prover-socket", ""]
    command += ["--cache", str(directory / "cache"), "--directory", str(directory / "none")]
    activate = [*_ACTIVATE, "--fdname=prober.socket:metrics", "-l", str(api), "-l", f"127.0.0.1:{port}"]
    with subprocess.Popen([*activate, *command], stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: (api.exists() and _listens(port, process.pid)) or process.poll() is not None)
            assert process.poll() is None
            yield Watched(api, port, process)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Without a network of its own, as the unit has it (PrivateNetwork=)."""
    with _watched(tmp_path_factory.mktemp("both"), "unshare", "--net") as made:
        yield made


def _get(path: str, more: str = "", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n".encode()


def _status(answer: bytes) -> int:
    match = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    assert match, answer
    return int(match[1])


def test_both_sockets_answer(watched: Watched) -> None:
    answer = watched.ask(_get("/metrics"))
    assert _status(answer) == 200
    assert b"text/plain; version=0.0.4" in answer
    assert b'prober_connections{listener="metrics"} 1.0' in answer
    answer = watched.ask(_get("/metrics", "Accept: application/openmetrics-text; version=1.0.0\r\n"))
    assert answer.endswith(b"# EOF\n")
    with Client(watched.api, timeout=PATIENCE) as client:
        assert client.get("/healthz").ok
        status, text = client.fetch("/metrics")
    assert (status, b'listener="api"' in text) == (200, True)
    # It has no network, and is reached all the same.
    assert Path(f"/proc/{watched.process.pid}/net/tcp").read_text().count("\n") == 1


def test_nothing_else_is_there(watched: Watched) -> None:
    with Client(watched.api, timeout=PATIENCE) as client:
        paths = [path.replace("{", "").replace("}", "") for path in client.get("/openapi.json").value["paths"]]
    paths.remove("/metrics")
    assert len(paths) > 10
    for path in [
        *paths,
        "/openapi.json",
        "/",
        "/metrics/",
        "/metrics/../healthz",
        "//metrics",
        "/METRICS",
        "/%6detrics2",
    ]:
        assert _status(watched.ask(_get(path))) == 404, path
        assert _status(watched.ask(_get(path, "Content-Length: 0\r\n", "POST"))) == 404, path
    assert _status(watched.ask(_get("/metrics", "Content-Length: 0\r\n", "POST"))) == 405


def test_bounds_hold(watched: Watched) -> None:
    assert _status(watched.ask(_get("/metrics", f"X: {'a' * 20000}\r\n"))) == 431
    assert _status(watched.ask(b"hello\r\n\r\n")) == 400
    # The body that nobody reads does not come far.
    with watched.connect() as client, suppress(ConnectionError, TimeoutError):
        client.settimeout(5)
        client.sendall(_get("/metrics", "Content-Length: 9999999\r\n") + b"x" * 200_000)
        assert _status(everything(client)) in (200, 413)


def _has_no_end(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True


def test_so_many_clients_and_no_more(watched: Watched) -> None:
    """The one that has been idle for longest gives way to the next."""
    with ExitStack() as stack:
        clients = []
        for _ in range(MOST + 1):
            clients.append(stack.enter_context(watched.connect()))
            clients[-1].sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
            assert clients[-1].recv(65536).startswith(b"HTTP/1.1 404")
        assert clients[0].recv(65536) == b""
        assert _has_no_end(clients[1])
        # Those of the other socket are counted apart.
        with Client(watched.api, timeout=PATIENCE) as other:
            assert other.get("/healthz").ok
    wait_until(lambda: _status(watched.ask(_get("/metrics"))) == 200)


def test_the_metrics_socket_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without prober.socket the service makes its own, and is asked on both."""
    directory, port = tmp_path_factory.mktemp("alone"), _free_port()
    api = directory / "own.sock"
    command = [PROBER, "serve", "--config", "/dev/null", "--quiet", "--socket", str(api), "--prover-socket", ""]
    command += ["--cache", str(directory / "cache"), "--directory", str(directory / "none")]
    activate = [*_ACTIVATE, "--fdname=metrics", "-l", f"127.0.0.1:{port}"]
    with subprocess.Popen([*activate, *command], stderr=subprocess.DEVNULL) as process:
        try:
            watched = Watched(api, port, process)
            wait_until(watched.is_there)
            assert _status(watched.ask(_get("/metrics"))) == 200
            with Client(api, timeout=PATIENCE) as other:
                assert other.get("/healthz").ok
            process.terminate()
            assert process.wait(PATIENCE) == 0
            assert not api.exists()
        finally:
            process.kill()
