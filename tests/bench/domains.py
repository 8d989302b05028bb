"""Translating libvirt's own domains: in process, and beside libvirt's own translation of the same XML in one run."""

from __future__ import annotations

import gc
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from prober.errors import RefusedError, UnreadableDomainError, UsageError
from prober.host.host import Host
from prober.service.client import Client
from tests.bench import Row
from tests.conformance.suite import Case, find_cases, suite_host, translate_case
from tests.conftest import CHECKOUT
from tests.integration.service_process import Service, start_ready_service
from tests.recordings import LIBVIRT

#: How often each domain is translated; its best time counts, then the median over the domains.
_ROUNDS = 5
_MS = 1000

#: So many more objects before the collector looks, as in the service.
_COLLECT_AFTER = 20_000


@dataclass
class _Times:
    """The times of one domain, ours through the socket and libvirt's, in seconds; ``again`` is ours of the very XML
    that was asked before."""

    xml: str
    ours: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)


def rows() -> Iterator[Row]:
    """Measure; nothing where libvirt's suite is not at hand."""
    if not (LIBVIRT / "pairs").is_dir():
        return
    yield from _in_process()
    installed = shutil.which("qemu-system-x86_64")
    if installed is not None:
        yield from _beside_libvirt(installed)


def _in_process() -> Iterator[Row]:
    host, replies = suite_host(LIBVIRT / "firmware"), LIBVIRT / "replies"
    threshold = gc.get_threshold()
    took: dict[str, float] = {}
    sizes: dict[str, int] = {}
    for case in find_cases(LIBVIRT / "pairs"):
        with suppress(RefusedError, UnreadableDomainError, UsageError):
            if case.kind == "args":
                sizes[str(case)] = len(translate_case(case, replies, host).argv)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 10, 10)
    for case in find_cases(LIBVIRT / "pairs"):
        if case.kind == "args" and str(case) in sizes:
            took[str(case)] = min(_once(case, replies, host) for _ in range(_ROUNDS))
    gc.set_threshold(*threshold)
    gc.unfreeze()
    largest = max(sizes, key=lambda name: sizes[name])
    note = f"{largest}, {sizes[largest]} words"
    yield Row(
        "translate of the largest of libvirt's domains, in process",
        f"{took[largest] * _MS:.1f} ms",
        "15.0 ms",
        took[largest] <= 0.015,
        note,
    )
    median = statistics.median(took.values())
    name = "translate of libvirt's domains in process, median"
    yield Row(name, f"{median * _MS:.2f} ms", "1.50 ms", median <= 0.0015, f"of {len(took)}")


def _once(case: Case, replies: Path, host: Host) -> float:
    began = time.perf_counter()
    translate_case(case, replies, host)
    return time.perf_counter() - began


class _Libvirt:
    """A process with libvirt in it, started anew where a domain ends it."""

    def __init__(self) -> None:
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str] | None:
        command = [sys.executable, "-m", "tests.bench.libvirt_native"]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=CHECKOUT
        )
        assert process.stdout is not None
        if process.stdout.readline().strip() == "true":
            return process
        process.communicate()
        return None

    @property
    def answers(self) -> bool:
        """Whether there is a libvirt."""
        return self._process is not None

    def ask(self, xml: str) -> float | None:
        """The seconds that it took, or None where libvirt refuses, or ends."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(xml) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            process.communicate()
            self._process = self._start()
            return None
        took: float | None = json.loads(line)
        return took

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


def _beside_libvirt(installed: str) -> Iterator[Row]:
    libvirt = _Libvirt()
    try:
        if not libvirt.answers:
            yield Row("libvirt's domxml-to-native", "", "", None, "no libvirt that answers here")
            return
        with tempfile.TemporaryDirectory(prefix="bench") as place:
            directory = Path(place)
            options = ["--directory", str(directory / "none"), "--binary", installed]
            with start_ready_service(directory, *options) as service:
                with_interfaces, without = _race(service, libvirt)
    finally:
        libvirt.close()
    for name, times, bar in (("without", without, 0.5), ("with", with_interfaces, None)):
        yield _ratio(name, times, bar)


def _race(service: Service, libvirt: _Libvirt) -> tuple[list[_Times], list[_Times]]:
    """Each domain that both translate, in turn, some rounds; those with interfaces apart."""
    xmls = {case.xml: case.xml.read_text() for case in find_cases(LIBVIRT / "pairs") if case.kind == "args"}
    domains = [_Times(xml) for xml in xmls.values()]
    with service.client() as client:
        (entry,) = client.get("/v1/binaries").value["binaries"]
        path = f"/v1/translate?binary={entry['id']}"
        for round_ in range(_ROUNDS + 1):
            for domain in domains:
                # Nothing that is remembered: this round's XML is another one.
                xml = f"{domain.xml}<!-- {round_ + 1} -->".encode()
                good, took = _post(client, path, xml)
                theirs = libvirt.ask(domain.xml) if good else None
                if theirs is not None:
                    domain.ours.append(took)
                    domain.again.append(_post(client, path, xml)[1])
                    domain.theirs.append(theirs)
            domains = [domain for domain in domains if domain.theirs]
    return (
        [domain for domain in domains if "<interface" in domain.xml],
        [domain for domain in domains if "<interface" not in domain.xml],
    )


def _post(client: Client, path: str, xml: bytes) -> tuple[bool, float]:
    began = time.perf_counter()
    good = client.post(path, xml, "application/xml").ok
    return good, time.perf_counter() - began


def _ratio(name: str, domains: list[_Times], bar: float | None) -> Row:
    ours = statistics.median(min(domain.ours) for domain in domains)
    again = statistics.median(min(domain.again) for domain in domains)
    theirs = statistics.median(min(domain.theirs) for domain in domains)
    what = f"translate through the socket, domains {name} interfaces, against libvirt in process"
    note = (
        f"{ours * _MS:.2f} against {theirs * _MS:.2f} ms, medians of {len(domains)} domains; "
        f"of one that it knows {again * _MS:.2f} ms"
    )
    ratio = ours / theirs
    return Row(what, f"{ratio:.2f} x", "" if bar is None else f"{bar} x", None if bar is None else ratio <= bar, note)
