"""Where file descriptors are few or run out: idle connections give way, nothing spins, and it goes on afterwards."""

from __future__ import annotations

import resource
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.integration.client_attack import get
from tests.integration.processes import PATIENCE
from tests.integration.service_process import Service, start_ready_service
from tests.proc import processor_seconds
from tests.raw_http import connect

_RECORDING = CHECKOUT / "fixtures/replies/qemu-7.2.22.replies.xz"


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fds")


@contextmanager
def serving(directory: Path, *before: str) -> Iterator[Service]:
    patient = directory / "patient.toml"
    patient.write_text("request_s = 120\nidle_s = 120\n")
    options = ("--config", patient, "--directory", directory / "none", "--replies", _RECORDING)
    with start_ready_service(directory, *options, before=before) as service:
        yield service


def ask(client: socket.socket) -> bytes:
    client.sendall(get("/healthz"))
    return client.recv(65536)


@contextmanager
def _many_allowed(number: int) -> Iterator[None]:
    """Room for so many descriptors of our own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(number, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.fault("descriptors")
@pytest.mark.needs("setpriv")
def test_2000_idle_connections_are_held_from_a_soft_limit_of_256(directory: Path) -> None:
    with (
        _many_allowed(4096),
        serving(directory, "prlimit", "--nofile=256:8192") as service,
        ExitStack() as stack,
    ):
        held = [stack.enter_context(connect(service.socket, PATIENCE)) for _ in range(2000)]
        assert b" 200 OK" in ask(held[0])
        with service.client() as other:
            assert other.get("/healthz").ok
        assert all(b" 200 OK" in ask(client) for client in held[1::97])


@pytest.mark.fault("descriptors")
@pytest.mark.needs("setpriv")
def test_where_few_fit_the_idle_ones_give_way(directory: Path) -> None:
    with serving(directory, "prlimit", "--nofile=64:64") as service, ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(connect(service.socket, PATIENCE))
        assert b" 200 OK" in ask(stack.enter_context(connect(service.socket, PATIENCE)))
        assert "fit into the limit of 64 file descriptors" in service.printed()
        assert service.process.poll() is None


@pytest.mark.fault("descriptors")
@pytest.mark.needs("setpriv")
def test_none_left_is_waited_out(directory: Path) -> None:
    """The limit is lowered below what is open: nothing can be taken, and libuv's loop would try without end."""
    with serving(directory) as service, ExitStack() as stack:
        pid = service.process.pid
        asking = stack.enter_context(connect(service.socket, PATIENCE))
        for _ in range(20):
            stack.enter_context(connect(service.socket, PATIENCE))
        assert b" 200 OK" in ask(asking)
        limit = _limit(pid, "5")
        waiting = stack.enter_context(connect(service.socket, PATIENCE))
        waiting.sendall(get("/healthz"))
        time.sleep(2)
        before = processor_seconds(pid)
        time.sleep(2)
        assert processor_seconds(pid) - before < 1.0
        _limit(pid, limit)
        assert b" 200 OK" in ask(stack.enter_context(connect(service.socket, PATIENCE)))
        assert "file descriptors run short" in service.printed()
        code, _ = service.stop()
        assert code == 0, service.printed()


def _limit(pid: int, soft: str) -> str:
    """Set the soft limit of a process; what it was."""
    was = next(
        line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if line.startswith("Max open files")
    )
    subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={soft}:"], check=True)
    return was.split()[3]
