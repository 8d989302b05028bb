"""The service's bars: start, memory and latencies through the socket, the parent's and the present's in turns.

The four binaries are the installed QEMU and those in the roots of the other versions, each called through a wrapper
script; where the roots are not there, the four bundled recordings stand in for them.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path

from prober.service.client import Client
from tests.bench import Row, compare
from tests.bench.lines import make_line
from tests.bench.sides import Side, best, in_turns, sides
from tests.conftest import BINARY_IN_ROOT, CHECKOUT, ROOT_VERSIONS
from tests.integration.service_process import Service, start_ready_service

FACT = "PIIX4_PM.acpi-root-pci-hotplug"
#: Latencies are medians of so many requests to each, after some that warm all up; of so many medians the least counts,
#: as a machine that others use has its moods.
_REQUESTS, _WARM_UP, _BLOCKS = 200, 100, 5
_STARTS = 9
_MS = 1000

DOMAIN = b"""<domain type='qemu'>
  <name>bench</name>
  <uuid>5d5a2c2e-2d6c-4a3e-9d6b-0f6f0d0c0b0a</uuid>
  <memory unit='GiB'>2</memory>
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
  <features><acpi/><apic/></features>
  <pm><acpi-root-hotplug enabled='no'/></pm>
  <devices>
    <controller type='pci' index='0' model='pci-root'/>
    <controller type='pci' index='1' model='pci-bridge'/>
    <controller type='pci' index='2' model='pci-bridge'/>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/><source file='/var/lib/images/a.qcow2'/><target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='/var/lib/images/b.img'/><target dev='vdb' bus='virtio'/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='/var/lib/images/c.img'/><target dev='hda' bus='ide'/>
    </disk>
    <interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>
    <interface type='user'><mac address='52:54:00:00:00:02'/><model type='e1000'/></interface>
    <serial type='pty'/>
    <console type='pty'/>
    <memballoon model='virtio'/>
  </devices>
</domain>
"""


def domain(number: int) -> bytes:
    """The like of it, with a name, a UUID, disks and addresses of its own."""
    text = DOMAIN.decode().replace("<name>bench", f"<name>bench{number}").replace("0b0a<", f"{number % 0x10000:04x}<")
    text = text.replace("/images/", f"/images/{number}/").replace(
        "00:00:0", f"{number // 256 % 256:02x}:{number % 256:02x}:0"
    )
    return text.encode()


def rows() -> Iterator[Row]:
    """Measure all of it."""
    with tempfile.TemporaryDirectory(prefix="bench") as place:
        directory = Path(place)
        options, what = _four_binaries(directory)
        with _services(directory, options) as services:
            for service in services.values():
                _settled(service)
            yield _memory(services, f"after {'interviews' if what == 'QEMUs' else 'reading'} of four {what}")
        yield _start(directory, options, what)
        with _services(directory, options) as services:
            idents = [_settled(service) for service in services.values()]
            yield from _latencies(services, idents[0][-1])
            yield _memory(services, f"with four {what} from the cache, in use")


def _four_binaries(directory: Path) -> tuple[list[str], str]:
    none = ["--directory", str(directory / "none")]
    places = _places()
    if len(places) < 4:
        files = sorted((CHECKOUT / "fixtures/replies").glob("qemu-[0-9]*.replies.xz"))
        return [*none, *(word for file in files for word in ("--replies", str(file)))], "recordings"
    return [*none, *(word for place in places for word in ("--binary", str(_wrapper(directory, *place))))], "QEMUs"


def _places() -> list[tuple[str, str]]:
    """Name and command of each QEMU that can be started here."""
    installed = shutil.which("qemu-system-x86_64")
    places = [("installed", installed)] if installed else []
    roots = Path(os.environ.get("PROBER_ROOTS") or CHECKOUT / ".roots").absolute()
    for version in ROOT_VERSIONS:
        if (roots / version / BINARY_IN_ROOT.lstrip("/")).exists() and os.geteuid() == 0:
            places.append((version, f"/usr/sbin/chroot {roots / version} {BINARY_IN_ROOT}"))
    return places


def _wrapper(directory: Path, name: str, command: str) -> Path:
    path = directory / f"qemu-{name}"
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    path.chmod(0o755)
    return path


@contextmanager
def _services(directory: Path, options: Sequence[str]) -> Iterator[dict[str, Service]]:
    """The service of each side, each with its own socket and cache."""
    with ExitStack() as stack:
        yield {side.name: stack.enter_context(_service(side, directory, options)) for side in sides()}


@contextmanager
def _service(side: Side, directory: Path, options: Sequence[str]) -> Iterator[Service]:
    own = directory / side.name
    own.mkdir(exist_ok=True)
    with start_ready_service(own, *options, prober=side.prober, measured=False) as service:
        yield service


def _settled(service: Service) -> list[str]:
    """The ids, once each is ready."""
    with service.client() as client:
        idents = [entry["id"] for entry in client.get("/v1/binaries").value["binaries"]]
        for ident in idents:
            state = client.get(f"/v1/binaries/{ident}").value
            assert state["state"] == "ready", state
    assert len(idents) == 4, idents
    return idents


def _start(directory: Path, options: Sequence[str], what: str) -> Row:
    def start(side: Side) -> float:
        with _service(side, directory, options) as service:
            service.stop()
            return service.start_s * _MS

    seconds = best(in_turns({side.name: partial(start, side) for side in sides()}, _STARTS))
    return compare(
        f"start to ready, four {what} cached", "process", seconds, "{:.0f} ms", 0.8, f"best of {_STARTS}", 1.0
    )


def _memory(services: Mapping[str, Service], when: str) -> Row:
    time.sleep(2)  # The cache is written and the translator loaded behind the askers' back.
    resident = {name: _resident(service.process.pid) for name, service in services.items()}
    return compare(f"resident memory {when}", "process", resident, "{:.1f} MiB", 1.0)


def _resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no Rss in smaps_rollup")


def _latencies(services: Mapping[str, Service], ident: str) -> Iterator[Row]:
    translate, check = f"/v1/translate?binary={ident}", f"/v1/check-argv?binary={ident}"
    line = json.dumps(make_line("/usr/bin/qemu-system-x86_64", 100)).encode()
    with ExitStack() as stack:
        clients = {name: stack.enter_context(service.client()) for name, service in services.items()}

        def row(
            name: str, bar: float | None, ask: Callable[[Client, int], bool], note: str = "", floor: float | None = None
        ) -> Row:
            """``ask`` gets the number of the request, which no other has."""
            asks = {side: partial(_time, partial(ask, client), count()) for side, client in clients.items()}
            took = in_turns(asks, _REQUESTS * _BLOCKS, warm_up=_WARM_UP)
            ms = {side: min(map(statistics.median, _blocks(times))) * _MS for side, times in took.items()}
            told = f"the least of {_BLOCKS} medians of {_REQUESTS}" + (note and f"; {note}")
            return compare(name, "socket", ms, "{:.2f} ms", bar, told, floor)

        yield row("supports", None, lambda client, _: client.get(f"/v1/binaries/{ident}/supports?fact={FACT}").ok)
        yield row(
            "translate of ten devices never seen",
            0.6,
            lambda client, number: client.post(translate, domain(number)).ok,
            floor=1.3,
        )
        yield row("translate of a remembered domain", 1.0, lambda client, _: client.post(translate, DOMAIN).ok)
        yield row(
            "check-argv of 100 devices",
            0.7,
            lambda client, _: client.post(check, line, "application/json").ok,
            f"{len(line)} bytes",
            floor=0.8,
        )


def _blocks(times: Sequence[float]) -> Iterator[Sequence[float]]:
    """These in blocks, in their order."""
    return (times[at : at + _REQUESTS] for at in range(0, len(times), _REQUESTS))


def _time(ask: Callable[[int], bool], numbers: Iterator[int]) -> float:
    number = next(numbers)
    began = time.perf_counter()
    good = ask(number)
    took = time.perf_counter() - began
    assert good
    return took
