"""What is asked of the reader on its socket, and what one translation takes beside it."""

from __future__ import annotations

import json
import socket
import statistics
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prober.capabilities.capabilities import Capabilities
from prober.fleet.blobs import unpack_part
from prober.fleet.parts import Build, Variant, join
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.bench.service import domain
from tests.fleet_bench.made import PATH, Qemu
from tests.fleet_bench.running import PATIENCE, Reader

_CPU = b"<cpu mode='custom' match='exact' check='partial'><model>Haswell-noTSX</model></cpu>"


def domain_for(number: int) -> bytes:
    """A domain of ten devices that only newer processors can run; no other number has the same."""
    xml = domain(number).replace(b"<domain type='qemu'>", b"<domain type='kvm'>")
    return xml.replace(b"  <features>", _CPU + b"<features>").replace(b"/images/", b"/%d/" % number)


@dataclass
class Took:
    """Of some questions: the seconds until each was answered, and the reader's processor time of all together."""

    waits: list[float] = field(default_factory=list)
    cpu_s: float = 0.0

    @property
    def median(self) -> float:
        """Of the waits."""
        return statistics.median(self.waits)

    @property
    def cpu_each(self) -> float:
        """The processor time of one (seconds)."""
        return self.cpu_s / len(self.waits)

    def add(self, more: Took) -> None:
        """Further ones."""
        self.waits += more.waits
        self.cpu_s += more.cpu_s


def ask_can(reader: Reader, xmls: Iterable[bytes], *, hosts: int, names: int = 0) -> Took:
    """Ask who can run each of these domains, with so many names of those that can."""
    took, cpu = Took(), reader.cpu_s()
    for xml in xmls:
        began = time.perf_counter()
        reply = reader.client.post(f"/v1/fleet/can?limit={names}", xml)
        took.waits.append(time.perf_counter() - began)
        assert reply.ok, reply
        told = reply.value
        assert told["able"] + told["unable"] == told["hosts"] == hosts, reply
    took.cpu_s = reader.cpu_s() - cpu
    return took


def translations(reader: Reader) -> int:
    """How often it has translated a domain for a build."""
    text = reader.client.fetch("/metrics")[1].decode()
    (told,) = (line for line in text.splitlines() if line.startswith("prober_fleet_translations_total "))
    return int(float(told.split()[1]))


class Translating:
    """Translates by the same builds, in this process: the measure of what a question takes."""

    def __init__(self, qemus: Sequence[Qemu]) -> None:
        of_build = {qemu.build: qemu for qemu in qemus}
        self._known = [_capabilities(qemu) for qemu in of_build.values()]
        self._translate(domain_for(0))  # What is looked up often is indexed at first.
        #: The processor time of all that was taken since (seconds), without the reading of XML.
        self.took_s = 0.0

    @property
    def builds(self) -> int:
        """How many there are."""
        return len(self._known)

    def take(self, xml: bytes) -> None:
        """Translate a domain once for each build."""
        self.took_s += self._translate(xml)

    def _translate(self, xml: bytes) -> float:
        read = read_domain(xml)
        began = time.thread_time()
        for capabilities in self._known:
            translate(read, capabilities, binary=PATH)
        return time.thread_time() - began


def _capabilities(qemu: Qemu) -> Capabilities:
    (build, of_build), (variant, of_host) = qemu.blobs
    return join(unpack_part(build, of_build, Build), unpack_part(variant, of_host, Variant))


@contextmanager
def hearing(path: Path) -> Iterator[dict[str, float]]:
    """When (monotonic seconds) each host's change was told last, by the reader's stream of events."""
    told: dict[str, float] = {}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(PATIENCE)
        asking.connect(str(path))
        asking.sendall(b"GET /v1/fleet/events HTTP/1.1\r\nHost: reader\r\nAccept: text/event-stream\r\n\r\n")
        assert asking.recv(4096).startswith(b"HTTP/1.1 200 ")
        thread = threading.Thread(target=_hear, args=(asking, told))
        thread.start()
        try:
            yield told
        finally:
            asking.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE)


def _hear(asking: socket.socket, told: dict[str, float]) -> None:
    rest = b""
    while got := asking.recv(1 << 16):
        now = time.monotonic()
        *lines, rest = (rest + got).split(b"\n")
        for line in lines:
            if line.startswith(b"data: ") and (change := json.loads(line[6:])).get("host"):
                told[change["host"]] = now
