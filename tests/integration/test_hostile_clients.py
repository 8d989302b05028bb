"""One client, whatever it sends: the service grows by at most 64 MiB, and others wait at most 20 ms longer.

Each shape (tests/integration/client_shapes.py) is sent by a process of its own, as another user where we are root.
Meanwhile another client asks; what it waits is counted without the time for which it or the service was ready to run
and had no processor, as that is the machine's.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, make_open_directory
from tests.integration.client_attack import get
from tests.integration.client_shapes import SHAPES, Shape
from tests.integration.processes import PATIENCE
from tests.integration.service_process import Service, start_ready_service
from tests.proc import descendants_of

#: Seconds that each shape is sent for.
SECONDS = 0.4
#: How much larger the service may become (MiB), and how much longer others may wait (ms, the 99th of a hundred).
MOST_MEMORY, MOST_WAITING = 64, 20
_RECORDING = CHECKOUT / "fixtures/replies/qemu-7.2.22.replies.xz"
_TURNS = 60


class Victim:
    """A client that asks for a fact again and again."""

    def __init__(self, service: Service, ident: str) -> None:
        self._service = service
        self._request = get(f"/v1/binaries/{ident}/supports?fact=PIIX4_PM.acpi-root-pci-hotplug")
        self._client = socket.socket(socket.AF_UNIX)
        self._client.settimeout(PATIENCE)
        self._client.connect(str(service.socket))

    def close(self) -> None:
        """Ask no more."""
        self._client.close()

    def wait(self) -> float:
        """How long (ms) an answer takes, without the time for which there was no processor."""
        stolen = self._without_processor()
        began = time.perf_counter()
        self._client.sendall(self._request)
        answer = self._client.recv(65536)
        took = time.perf_counter() - began
        assert answer.startswith(b"HTTP/1.1 200"), answer
        return max(0.0, took - (self._without_processor() - stolen)) * 1000

    def _without_processor(self) -> float:
        """Of us and of the service's event loop, in seconds."""
        paths = ("/proc/thread-self/schedstat", f"/proc/{self._service.process.pid}/schedstat")
        return sum(int(Path(path).read_text().split()[1]) for path in paths) / 1e9


class Attacker:
    """The process that sends the shapes."""

    def __init__(self, service: Service, ident: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.client_attack", str(service.socket), ident],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        os.set_blocking(self._output.fileno(), False)

    def begin(self, shape: Shape) -> None:
        """Let it send this shape."""
        self._input.write(json.dumps([shape.name, SECONDS]).encode() + b"\n")
        self._input.flush()

    @property
    def is_over(self) -> bool:
        """Whether it sent all of it, which is said once."""
        assert self._process.poll() is None, "the attacker ended"
        return self._output.readline() != b""

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(PATIENCE)
        self._input.close()
        self._output.close()


def p99(waits: list[float]) -> float:
    """The 99th of a hundred."""
    return sorted(waits)[len(waits) * 99 // 100]


def resident(service: Service, *, peak: bool = False) -> float:
    """MiB of the service and its workers; the service's own at its peak, since that was last forgotten."""
    return _status(service.process.pid, "VmHWM" if peak else "VmRSS") + sum(
        _status(child, "VmRSS") for child in descendants_of(service.process.pid)
    )


def _status(pid: int, name: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0  # It ended meanwhile.
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), 0.0)


def forget_peak(service: Service) -> None:
    """The peak of the service's memory counts from now on (proc(5), clear_refs)."""
    Path(f"/proc/{service.process.pid}/clear_refs").write_text("5")


@contextmanager
def attacked() -> Iterator[tuple[Service, Victim, Attacker]]:
    """A service that another user may ask as well, with its memory as it is in use."""
    with make_open_directory() as directory:
        options = ["--directory", directory / "none", "--replies", _RECORDING]
        with start_ready_service(directory, *options) as service:
            service.socket.chmod(0o666)
            ident = _warm_up(service)
            with closing(Attacker(service, ident)) as attacker, closing(Victim(service, ident)) as victim:
                yield service, victim, attacker


def _warm_up(service: Service) -> str:
    """Whatever is loaded late is loaded."""
    with service.client() as client:
        ident = str(client.get("/v1/binaries").value["binaries"][0]["id"])
        for path in ("", "/capabilities", "/types", "/commands/blockdev-add"):
            assert client.get(f"/v1/binaries/{ident}{path}").ok
        xml = (CHECKOUT / "fixtures/domains/example.xml").read_bytes()
        for _ in range(4):
            assert client.post(f"/v1/translate?binary={ident}", xml).ok
            assert client.post(f"/v1/check-argv?binary={ident}", b'["/usr/bin/qemu", "-S"]', "application/json").ok
        assert client.get("/openapi.json").ok
    time.sleep(1)
    return ident


def settle(service: Service, victim: Victim) -> None:
    """Wait until nothing of the last shape is worked on any more."""
    deadline, quiet = time.monotonic() + PATIENCE, 0
    while quiet < 3:
        before = _seconds(service)
        time.sleep(0.02)
        quiet = quiet + 1 if _seconds(service) - before < 0.004 else 0
        assert time.monotonic() < deadline, "it goes on working"
    victim.wait()


def _seconds(service: Service) -> float:
    """For which the service and its workers ran or were ready to."""
    found = 0
    for pid in (service.process.pid, *descendants_of(service.process.pid)):
        with suppress(OSError):  # It ended meanwhile.
            for thread in Path(f"/proc/{pid}/task").iterdir():
                with suppress(OSError):
                    found += sum(map(int, (thread / "schedstat").read_text().split()[:2]))
    return found / 1e9


def send(shape: Shape, attacker: Attacker, victim: Victim) -> list[float]:
    """What others wait while a shape is sent."""
    waits: list[float] = []
    until = time.monotonic() + 4 * SECONDS
    attacker.begin(shape)
    is_over = False
    while not is_over or (len(waits) < _TURNS and time.monotonic() < until):
        waits.append(victim.wait())
        time.sleep(0.002)
        is_over = is_over or attacker.is_over
        assert time.monotonic() < until + PATIENCE, f"{shape.name} does not end"
    return waits


def send_all(
    service: Service, victim: Victim, attacker: Attacker, shapes: Iterable[Shape]
) -> Iterator[tuple[Shape, float, float]]:
    """Send one after the other: by how many MiB the service grew, and how many ms others waited longer."""
    quiet = p99([victim.wait() for _ in range(300)])
    before = resident(service)
    for shape in shapes:
        settle(service, victim)
        forget_peak(service)
        waited = p99(send(shape, attacker, victim)) - quiet
        yield shape, resident(service, peak=True) - before, waited


def test_there_are_shapes_of_each_kind() -> None:
    names = [shape.name for shape in SHAPES]
    assert len(names) == len(set(names)) >= 40


@pytest.mark.slow
def test_no_client_makes_the_service_large_or_others_wait(whole: bool) -> None:
    """The bars are for a quiet machine; beside other tests (no ``--whole``) they are twice as high.

    Beside others more is on its way at the same time, and whoever waits, waits for them as well.  Every second shape is
    sent then.
    """
    easing = 1 if whole else 2
    faults, figures = list[str](), list[str]()
    with attacked() as (service, victim, attacker):
        shapes = SHAPES if whole else SHAPES[::2]
        for shape, grown, waited in send_all(service, victim, attacker, shapes):
            if grown > MOST_MEMORY * easing:
                faults.append(f"{shape.name}: {grown:.0f} MiB more")
            if waited > MOST_WAITING * easing and not (shape.crowd and os.geteuid()):
                faults.append(f"{shape.name}: others wait {waited:.0f} ms longer")
            figures.append(f"{shape.name:40} {grown:7.1f} MiB {waited:8.2f} ms")
        settle(service, victim)
        assert service.process.poll() is None
        assert "Traceback" not in service.printed()
    sys.stdout.write("\n".join(figures) + "\n")  # Shown with what failed, or by pytest -s.
    assert not faults, "\n".join(faults)
