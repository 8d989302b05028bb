"""What systemd is told, on a real datagram socket, and what it hands over."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from prober.service.notify import Handed, keep_watchdog_quiet, notify, take_sockets
from tests.conftest import CHECKOUT, aio


@pytest.fixture(params=["path", "abstract"])
def listener(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    name = str(tmp_path / "notify") if request.param == "path" else f"\0prober-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(name)
        made.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name.replace("\0", "@"))
        yield made


def test_told(listener: socket.socket) -> None:
    assert notify("READY=1\nSTATUS=ok")
    assert listener.recv(4096) == b"READY=1\nSTATUS=ok"


@pytest.mark.parametrize("address", [None, "", "relative", "/nonexistent/notify", "@" + "x" * 300])
def test_nobody_listens(monkeypatch: pytest.MonkeyPatch, address: str | None) -> None:
    if address is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert notify("READY=1") is False


def test_watchdog(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))

    async def check() -> None:
        task = asyncio.create_task(keep_watchdog_quiet())
        said = [await asyncio.to_thread(listener.recv, 100) for _ in range(3)]
        assert not task.done()
        task.cancel()
        assert said == [b"WATCHDOG=1"] * 3

    listener.settimeout(20)
    aio(check())


@pytest.mark.parametrize(("usec", "pid"), [("", ""), ("nonsense", ""), ("20000", "1")])
def test_no_watchdog(listener: socket.socket, monkeypatch: pytest.MonkeyPatch, usec: str, pid: str) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    if pid:
        monkeypatch.setenv("WATCHDOG_PID", pid)
    aio(asyncio.wait_for(keep_watchdog_quiet(), 5))


@pytest.mark.parametrize(
    "environment",
    [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"}],
)
def test_nothing_is_handed_over(environment: dict[str, str]) -> None:
    assert take_sockets(environment) == Handed()
    assert environment == {}


# Descriptors 3 and 4 are systemd's, so the rest happens in a process of its own.
_TAKE = """
    import os, socket, sys
    from prober.errors import ServiceError
    from prober.service.notify import take_sockets
    kinds, number, names = sys.argv[1:]

    def make(kind):
        if kind == "file":
            return open("/dev/null")
        family = socket.AF_INET if kind == "inet" else socket.AF_UNIX
        made = socket.socket(family, socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM)
        if kind in ("good", "inet"):
            made.bind(("127.0.0.1", 0) if kind == "inet" else "")
            made.listen()
        return made

    # Above those that are handed over, so that none lies in another's place.
    made = [make(kind) for kind in kinds.split()]
    high = [os.dup2(one.fileno(), 20 + at) for at, one in enumerate(made)]
    os.closerange(3, 20)
    for at, fd in enumerate(high):
        os.dup2(fd, 3 + at)
    environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": number, "LISTEN_FDNAMES": names}
    try:
        taken = take_sockets(environment)
    except ServiceError as error:
        print(error.message)
    else:
        given = {name: one for name, one in taken._asdict().items() if one is not None}
        print(*(f"{name} {one.fileno()} {one.get_inheritable()}" for name, one in given.items()))
        print(environment)
"""


@pytest.mark.parametrize(
    ("kinds", "number", "names", "said"),
    [
        ("good", "1", "x", "api 3 False\n{}"),
        ("good", "1", "", "api 3 False\n{}"),
        ("good inet", "2", "prober.socket:metrics", "api 3 False metrics 4 False\n{}"),
        ("inet good", "2", "metrics:prober.socket", "api 4 False metrics 3 False\n{}"),
        ("good good", "2", "prober.socket:metrics", "api 3 False metrics 4 False\n{}"),
        ("inet", "1", "metrics", "metrics 3 False\n{}"),
        ("good good", "2", "x:y", "one socket is expected from systemd, and one called metrics besides, not 2"),
        ("good good", "2", "metrics:metrics", "one socket is expected"),
        ("good", "3", "x:y:metrics", "one socket is expected"),
        ("good", "x", "x", "one socket is expected"),
        ("file", "1", "x", "is not a socket"),
        ("good file", "2", "x:metrics", "is not a socket"),
        ("datagram", "1", "x", "is not a listening unix stream socket"),
        ("datagram", "1", "metrics", "is not a listening stream socket"),
        ("silent", "1", "x", "is not a listening unix stream socket"),
        ("inet", "1", "x", "is not a listening unix stream socket"),
    ],
)
def test_handed_over(kinds: str, number: str, names: str, said: str) -> None:
    program = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(_TAKE), kinds, number, names]
    done = subprocess.run(
        program, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}
    )
    assert said in done.stdout
