"""One run: the service started, its agents, its memory, and what is missed of the bars."""

from __future__ import annotations

import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import CHECKOUT
from tests.integration.service_process import Service, start_ready_service
from tests.load import daemon
from tests.load.agents import Crowd, Measured
from tests.load.asked import questions, seldom
from tests.proc import descendants_of, proportional_size

#: Together 2,000 connections.
AGENTS, HELD = 64, 1936
#: How much the service may grow after the first minute (MiB), and what `supports` may take at half of the load (ms).
MOST_GROWTH, MOST_MS = 5.0, 5.0
_RECORDING = CHECKOUT / "fixtures/replies/qemu-7.2.22.replies.xz"


@dataclass
class Run:
    """What was measured.  Memory is MiB of the service and its workers, what they share counted once."""

    saturated: Measured = field(default_factory=Measured)
    half: Measured = field(default_factory=Measured)
    libvirt: Measured | None = None
    begun: float = 0.0
    after: float = 0.0
    end: float = 0.0

    @property
    def missed(self) -> list[str]:
        """The bars that were not held, in words."""
        told = []
        for name, part in (("at saturation", self.saturated), ("at half of it", self.half)):
            if part.errors:
                told.append(f"{name}: {len(part.errors)} errors, the first: {part.errors[0]}")
        if self.end - self.after > MOST_GROWTH:
            told.append(f"grew by {self.end - self.after:.1f} MiB after the first part, more than {MOST_GROWTH}")
        p99 = self.half.percentile("supports", 99)
        if p99 > MOST_MS:
            told.append(f"99 of 100 supports took up to {p99:.1f} ms at half of the load, more than {MOST_MS}")
        return told


@contextmanager
def _service() -> Iterator[tuple[Service, str]]:
    directory = Path(tempfile.mkdtemp(prefix="load"))
    try:
        options = ["--directory", directory / "none", "--binary", shutil.which("qemu-system-x86_64") or ""]
        if not options[-1]:
            options = ["--directory", directory / "none", "--replies", _RECORDING]
        with start_ready_service(directory, *options, measured=False) as service:
            with service.client() as client:
                ident = str(client.get("/v1/binaries").value["binaries"][0]["id"])
                assert client.get(f"/v1/binaries/{ident}").value["state"] == "ready"
            yield service, ident
    finally:
        shutil.rmtree(directory)


def run(seconds: float, *, with_libvirt: bool = True) -> Run:
    """Saturate the service for so long, then ask half as often for a tenth of that, and libvirtd for as long.

    The first minute, or a fifth where it is shorter, is not held against its memory.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    measured, first = Run(), min(60.0, seconds / 5)
    with _service() as (service, ident):
        crowd = Crowd(service.socket, AGENTS, HELD, questions(ident), seldom(ident))
        try:
            crowd.work(2.0)
            measured.begun = memory(service)
            early = crowd.work(first)
            measured.after = memory(service)
            measured.saturated = crowd.work(seconds - first)
            measured.end = memory(service)
            measured.saturated.errors[:0] = early.errors
            time.sleep(0.2)
            measured.half = crowd.work(max(3.0, seconds / 10), rate=measured.saturated.rate / 2)
        finally:
            crowd.close()
        assert "Traceback" not in service.printed(), service.printed()
    if with_libvirt and daemon.is_there():
        with daemon.running_daemon() as uri:
            measured.libvirt = daemon.ask_daemon(uri, max(3.0, seconds / 10), clients=8)
    return measured


def memory(service: Service) -> float:
    """MiB of the service and its workers, in proportion to how many share a page."""
    total = 0.0
    for pid in (service.process.pid, *descendants_of(service.process.pid)):
        with suppress(OSError):  # It ended meanwhile.
            total += proportional_size(pid)
    return total
