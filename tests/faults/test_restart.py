"""A service that is stopped and started again under load, on a socket that its manager holds: nobody is refused."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prober.errors import ServiceError
from prober.service.client import Client
from tests.faults.host import FACT
from tests.faults.manager import managed
from tests.integration.processes import PATIENCE, wait_until
from tests.raw_http import connect, everything
from tests.recordings import FIXTURES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.fault("restart")]

ID = "qemu-7.2.22"
SUPPORTS = f"GET /v1/binaries/{ID}/supports?fact={FACT} HTTP/1.1\r\nHost: a\r\n"
DOMAIN = (
    "<domain type='qemu'><name>a</name><memory>65536</memory><os><type arch='x86_64' machine='pc'>hvm</type></os>"
    "<devices/></domain>"
)
TRANSLATE = (
    f"POST /v1/translate?binary={ID} HTTP/1.1\r\nHost: a\r\nContent-Type: application/xml\r\n"
    f"Content-Length: {len(DOMAIN)}\r\n"
)


class Agents:
    """Threads that ask without pause, each in its way, until they are told to stop; what they saw is counted."""

    def __init__(self, path: Path, *ways: Callable[[Path], str]) -> None:
        self.seen: Counter[str] = Counter()
        self._path = path
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(way,)) for way in ways]
        for thread in self._threads:
            thread.start()

    def _ask(self, way: Callable[[Path], str]) -> None:
        while not self._over.is_set():
            seen = way(self._path)
            with self._lock:
                self.seen[seen] += 1

    def wait_for_more(self, number: int) -> None:
        """Until so many more were answered."""
        before = self.seen.total()
        wait_until(lambda: self.seen.total() >= before + number)

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()


def _said(data: bytes) -> str:
    """What an answer comes to: its status, once it is whole."""
    head, _, body = data.partition(b"\r\n\r\n")
    length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    if not length or int(length[0].partition(b":")[2]) != len(body):
        return f"not a whole answer: {data[:200]!r}"
    if b" 503 " in head and b"clos" not in body and b"stop" not in body:
        return f"503 for another reason: {body!r}"
    return head.split(b" ", 2)[1].decode()


def _once(request: str, pause: float = 0.0) -> Callable[[Path], str]:
    """A connection for each question, which is there for ``pause`` seconds before anything is asked."""

    def ask(path: Path) -> str:
        try:
            with connect(path, PATIENCE) as client:
                time.sleep(pause)
                client.sendall(f"{request}Connection: close\r\n\r\n{DOMAIN if 'POST' in request else ''}".encode())
                return _said(everything(client))
        except OSError as error:
            return f"refused: {error!r}"

    return ask


def _kept(client: Client) -> Callable[[Path], str]:
    """Our own client, which keeps its connection and asks again on another where that was closed meanwhile."""

    def ask(_: Path) -> str:
        try:
            reply = client.get(f"/v1/binaries/{ID}/supports?fact={FACT}")
        except ServiceError as error:
            return f"refused: {error}"
        if reply.status == 200 and reply.value["verdict"] != "present":
            return f"wrong: {reply.value}"
        return str(reply.status)

    return ask


def test_nobody_is_refused(directory: Path, whole: bool, record_property: Any) -> None:
    """What was under way ends in order: answered, or told (503) that the service is being stopped."""
    options = ("--directory", directory / "none", "--replies", FIXTURES / f"{ID}.replies.xz")
    with managed(directory, *options) as manager, Client(manager.socket, timeout=PATIENCE) as client:
        ways = (*[_once(SUPPORTS)] * 3, *[_once(TRANSLATE)] * 2, *[_once(SUPPORTS, pause=0.003)] * 3, _kept(client))
        agents = Agents(manager.socket, *ways)
        try:
            for _ in range(times := 10 if whole else 2):
                agents.wait_for_more(100)
                status, seconds = manager.stop()
                assert status == 0, manager.log.read_text()
                assert seconds < 10  # a second on a machine that has nothing else to do
                manager.start()
            agents.wait_for_more(100)
        finally:
            agents.stop()
        assert set(agents.seen) <= {"200", "503"}, agents.seen
        assert agents.seen["503"] <= times * len(ways), "who comes while it stops waits for the next"
        record_property("told", f"{times} restarts, {agents.seen['200']} answered, {agents.seen['503']} told 503")
