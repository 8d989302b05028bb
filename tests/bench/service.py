"""The service's bars: start, memory, latencies through the socket, and the first answer about an unseen binary.

The four binaries are the installed QEMU and those in the roots of the other versions, each called through a wrapper
script; where the roots are not there, the four bundled recordings stand in for them.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from prober.service.client import Client
from tests.bench import Row
from tests.conftest import BINARY_IN_ROOT, CHECKOUT, ROOT_VERSIONS
from tests.integration.service_process import Service, start_ready_service

FACT = "PIIX4_PM.acpi-root-pci-hotplug"
#: Latencies are medians of so many requests, after some that warm both sides up.
_REQUESTS, _WARM_UP = 2000, 200
_STARTS = 5

#: Ten devices besides the root bus: two bridges, three disks, two interfaces, a serial port, a console, a balloon.
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
    """Measure all of it; takes some 20 seconds."""
    with tempfile.TemporaryDirectory(prefix="bench") as place:
        directory = Path(place)
        options, what = _four_binaries(directory)
        with _service(directory, options) as service:
            entries = _settled(service)
            yield _memory(service, f"after {'interviews' if what == 'QEMUs' else 'reading'} of four {what}")
            service.stop()
        assert len(entries) == 4, entries
        yield _start(directory, options, what)
        with _service(directory, options) as service:
            idents = _settled(service)
            yield from _latencies(service, idents)
            yield _memory(service, f"with four {what} from the cache, in use")
        yield from _first_answer(directory)


def _four_binaries(directory: Path) -> tuple[list[str], str]:
    none = ["--directory", str(directory / "none")]
    places = _places()
    if len(places) < 4:
        return [*none, "--replies", str(CHECKOUT / "fixtures/replies")], "recordings"
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
def _service(directory: Path, options: list[str]) -> Iterator[Service]:
    with start_ready_service(directory, *options) as service:
        yield service


def _settled(service: Service) -> list[str]:
    """The ids, once each is ready."""
    with service.client() as client:
        idents = [entry["id"] for entry in client.get("/v1/binaries").value["binaries"]]
        for ident in idents:
            state = client.get(f"/v1/binaries/{ident}").value
            assert state["state"] == "ready", state
    return idents


def _start(directory: Path, options: list[str], what: str) -> Row:
    times = []
    for _ in range(_STARTS):
        with _service(directory, options) as service:
            times.append(service.start_s)
            service.stop()
    took = statistics.median(times)
    return Row(f"start to ready, four {what} cached", f"{took:.2f} s", "0.60 s", took <= 0.6)


def _memory(service: Service, when: str) -> Row:
    time.sleep(2)  # The cache is written and the translator loaded behind the askers' back.
    for line in Path(f"/proc/{service.process.pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            resident = int(line.split()[1]) / 1024
            return Row(f"resident memory {when}", f"{resident:.0f} MiB", "80 MiB", resident <= 80)
    raise AssertionError("no Rss in smaps_rollup")


def _latencies(service: Service, idents: list[str]) -> Iterator[Row]:
    ident = idents[-1]
    with service.client() as client:
        took = _median(lambda: client.get(f"/v1/binaries/{ident}/supports?fact={FACT}").ok)
        yield Row("supports through the socket, p50", f"{took * 1000:.2f} ms", "0.30 ms", took <= 0.0003)
        path, numbers = f"/v1/translate?binary={ident}", count()
        took = _median(lambda: client.post(path, domain(next(numbers))).ok)
        yield Row(
            "translate of ten devices through the socket, p50",
            f"{took * 1000:.2f} ms",
            "1.50 ms",
            took <= 0.0015,
            "another domain each time",
        )
        took = _median(lambda: client.post(path, DOMAIN).ok)
        yield Row("the same, of a domain that it knows", f"{took * 1000:.2f} ms", "", None)


def _median(ask: Callable[[], bool]) -> float:
    times = []
    for _ in range(_WARM_UP + _REQUESTS):
        began = time.perf_counter()
        good = ask()
        times.append(time.perf_counter() - began)
        assert good
    return statistics.median(times[_WARM_UP:])


def _first_answer(directory: Path) -> Iterator[Row]:
    """A binary appears, and is asked about at once; what comes on top of its interview is ours."""
    for name, command in _places():
        unseen = directory / "unseen" / f"qemu-{name}"
        unseen.parent.mkdir(exist_ok=True)
        more, whole, interview = [], 0.0, 0.0
        for _ in range(3):
            options = ["--directory", str(directory / "none"), "--binary", str(unseen)]
            with _service(unseen.parent, options) as service, Client(service.socket) as client:
                _wrapper(unseen.parent, name, command)
                began = time.perf_counter()
                assert client.get(f"/v1/binaries/{unseen.name}/supports?fact={FACT}").ok
                whole = time.perf_counter() - began
                interview = client.get(f"/v1/binaries/{unseen.name}").value["seconds"]
                more.append(whole - interview)
                unseen.unlink()
        extra = statistics.median(more)
        note = f"last: {whole:.2f} s, of which interview {interview:.2f} s"
        yield Row(
            f"first answer about QEMU {name}, above its interview",
            f"{extra * 1000:.0f} ms",
            "50 ms",
            extra <= 0.05,
            note,
        )
