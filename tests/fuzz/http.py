"""The HTTP endpoints on a real socket: raw bytes that are nearly requests, and requests made by our own OpenAPI.

What is wrong is a 5xx other than 503, no answer and no end of the connection, or a service that does not answer the
next.
"""

from __future__ import annotations

import json
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from requests import Session
from requests.adapters import HTTPAdapter
from schemathesis.core.result import Ok
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from prober.service.client import Client
from prober.service.openapi import describe
from tests.fuzz.mutator import Mutator
from tests.fuzz.running import Report
from tests.fuzz.watch import Finding
from tests.unit.capabilities.asking import Asker
from tests.unit.capabilities.making import make_binary
from tests.unit.service.running import make_settings, running

#: How long (seconds) the service may leave a client without a word; its own limit for a request is shorter here, but
#: where a machine is busy its workers take long to start.
_PATIENCE_S = 30.0
_REQUEST_S = 0.3

_XML = b"<domain type='kvm'><name>a</name><memory>1</memory><os><type arch='x86_64'>hvm</type></os></domain>"
_SEEDS = (
    b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /v1/binaries/qemu-system-x86_64/supports?fact=e1000.mac HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET /v1/binaries HTTP/1.0\r\n\r\n",
    b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/binaries HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /v1/translate HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (len(_XML), _XML),
    b"POST /v1/check-argv HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'10\r\n["qemu-system-x8\r\n6\r\n6_64"]\r\n0\r\nX: y\r\n\r\n',
    b"POST /v1/binaries/qemu-system-x86_64/refresh HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
    b"POST /v1/translate?binary=%2e%2e%2f&assume_unknown_present=true HTTP/1.1\r\nContent-Length: 3\r\n\r\n<a>",
)
_TOKENS = (
    b"HTTP/1.1", b"HTTP/2.0", b"GET ", b"HEAD ", b"OPTIONS * ", b"CONNECT ", b"\r\n", b"\n", b"Content-Length: 0\r\n",
    b"Content-Length: -1\r\n", b"Content-Length: 5\r\nContent-Length: 6\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n", b"Upgrade: websocket\r\nConnection: Upgrade\r\n", b"ffffffffffffffff\r\n",
    b"0\r\n\r\n", b"Expect: 100-continue\r\n", b"%00", b"?fact=", b"/v1/binaries/", b"//", b"/../", b";a=b\r\n", b"\0",
    b"Host: \xff\r\n", b"X: " + b"y" * 500 + b"\r\n", b"A: b\r\n" * 100,
)  # fmt: skip


@contextmanager
def service() -> Iterator[Path]:
    """A service that knows one small binary; its socket."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prober-fuzz-")))
        make_binary(directory / "bin")
        told = make_settings(directory, request_s=_REQUEST_S, idle_s=_REQUEST_S)
        yield stack.enter_context(running(told, Asker()))


def fuzz_http(seed: int, go_on: Callable[[int], bool]) -> Report:
    """Send mutants of requests until ``go_on``, which is told how many there were, says no more."""
    random = Random(seed)
    mutator, report, began = Mutator(_SEEDS, _TOKENS, random, 1 << 16), Report("http"), time.monotonic()
    with service() as path:
        while go_on(report.inputs):
            report.inputs += 1
            data, started = mutator.mutant(), time.monotonic()
            found = try_request(path, data, half=random.random() < 0.7)
            report.slowest = max(report.slowest, time.monotonic() - started)
            if found is not None:
                report.findings.setdefault(f"{found.kind}: {found.said[:40]}", (data, found))
    report.seconds = time.monotonic() - began
    return report


def try_request(path: Path, data: bytes, *, half: bool) -> Finding | None:
    """Send this, and see what comes; ``half`` ends our side of the connection behind it."""
    said = b""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_PATIENCE_S)
        client.connect(str(path))
        with suppress(OSError):  # the service has heard enough
            client.sendall(data)
            if half:
                client.shutdown(socket.SHUT_WR)
        try:
            while more := client.recv(1 << 16):
                said += more
        except TimeoutError:
            return Finding("no end", f"nothing within {_PATIENCE_S:g} s, after {said[:100]!r}")
        except ConnectionError:
            pass
    statuses = [line.split()[1] for line in said.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    wrong = [status for status in statuses if status.startswith(b"5") and status != b"503"]
    if wrong:
        return Finding("a fault of the service", f"{wrong[0].decode()}: {said[-300:]!r}")
    with Client(path, timeout=_PATIENCE_S) as other:
        status = other.get("/healthz").status
    return None if status == 200 else Finding("others are not answered", str(status))


class _Connection(HTTPConnection):
    """To a unix socket."""

    socket_path = ""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_PATIENCE_S)
        self.sock.connect(self.socket_path)


class UnixAdapter(HTTPAdapter):
    """Sends all that is asked for to one unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        connection = type("_Here", (_Connection,), {"socket_path": str(path)})
        self._pool = HTTPConnectionPool("prober")
        self._pool.ConnectionCls = connection

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        """The one pool, whatever is asked for."""
        return self._pool

    def close(self) -> None:
        """Close its connections."""
        self._pool.close()
        super().close()


def fuzz_api(seed: int, go_on: Callable[[int], bool], examples: int = 40) -> Report:
    """Requests that our own description allows, and such as it does not, round after round; each has to be answered,
    and not by a fault of the service."""
    schema = schemathesis.openapi.from_dict(json.loads(describe()))
    report, began = Report("api"), time.monotonic()
    rounds = 0
    with service() as path, Session() as session:
        session.mount("http://", UnixAdapter(path))
        while go_on(report.inputs):
            rounds += 1
            found: Any
            for found in schema.get_all_operations():
                operation = found.ok() if isinstance(found, Ok) else None
                assert operation is not None, f"our own description is no OpenAPI: {found}"
                if go_on(report.inputs):
                    _try_operation(operation, session, report, seed + rounds, examples)
    report.seconds = time.monotonic() - began
    return report


def _try_operation(operation: Any, session: Session, report: Report, seed: int, examples: int) -> None:
    @seeded(seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        report.inputs += 1
        started = time.monotonic()
        try:
            response = case.call(session=session, base_url="http://prober")
            fault = response.status_code >= 500 and response.status_code != 503
            said = f"{response.status_code} for {case.method} {case.formatted_path}: {response.content[:300]!r}"
        except Exception as error:  # noqa: BLE001 - whatever keeps an answer from coming
            fault, said = True, f"{type(error).__name__} for {case.method} {case.formatted_path}: {error}"
        report.slowest = max(report.slowest, time.monotonic() - started)
        if fault:
            report.findings.setdefault(operation.label, (said.encode(), Finding("a fault of the service", said)))

    ask()
