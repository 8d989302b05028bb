"""The bars of the check: a long command line through the service, and the capabilities that it is held against.

Beside them stands what QEMU itself takes to read the same command line, which is the only other way to know.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from prober.capabilities.cache import DiskCache
from tests.bench import Row
from tests.conftest import CHECKOUT
from tests.integration.service_process import start_ready_service

#: Requests, reads of the cache and starts of QEMU; all rows are medians.
_REQUESTS, _WARM_UP, _READS, _STARTS = 500, 50, 15, 7
_MS = 1000
_PATIENCE = 60.0


def make_argv(binary: str) -> list[str]:
    """A command line with 100 devices, as a large guest of libvirt's has them: four bridges with disks, interfaces
    and sources of random numbers, each with what is behind it."""
    words = ["-name", "guest=bench", "-machine", "pc,usb=off", "-accel", "tcg", "-m", "size=262144k", "-smp", "2"]
    words += ["-nodefaults", "-no-user-config", "-display", "none", "-S"]
    for bridge in range(1, 5):
        words += _device("pci-bridge", f"pci.{bridge}", "pci.0", bridge + 1, chassis_nr=bridge)
    for number in range(96):
        kind, bus, slot = number % 3, f"pci.{1 + number % 4}", 1 + number // 4
        if kind == 0:
            words += ["-blockdev", json.dumps({"driver": "null-co", "node-name": f"disk{number}", "size": 1 << 30})]
            words += _device("virtio-blk-pci", f"virtio-disk{number}", bus, slot, drive=f"disk{number}")
        elif kind == 1:
            words += ["-netdev", json.dumps({"type": "user", "id": f"hostnet{number}"})]
            words += _device(
                "virtio-net-pci",
                f"net{number}",
                bus,
                slot,
                netdev=f"hostnet{number}",
                mac=f"52:54:00:00:00:{number:02x}",
            )
        else:
            words += ["-object", json.dumps({"qom-type": "rng-builtin", "id": f"rng{number}"})]
            words += _device("virtio-rng-pci", f"virtio-rng{number}", bus, slot, rng=f"rng{number}")
    assert words.count("-device") == 100
    return [binary, *words]


def _device(driver: str, ident: str, bus: str, slot: int, **more: object) -> list[str]:
    return ["-device", json.dumps({"driver": driver, "id": ident, "bus": bus, "addr": hex(slot), **more})]


def rows() -> Iterator[Row]:
    """Measure; on a host without a QEMU, the check alone, with the newest recording (which needs no cache)."""
    installed = shutil.which("qemu-system-x86_64")
    with tempfile.TemporaryDirectory(prefix="bench") as place:
        directory = Path(place)
        if installed is None:
            source, binary = ["--replies", str(CHECKOUT / "fixtures/replies/qemu-11.1.2.replies.xz")], "qemu-11.1.2"
        else:
            source, binary = ["--binary", installed], installed
        argv = make_argv(binary)
        options = ["--directory", str(directory / "none"), *source]
        with start_ready_service(directory, *options) as service, service.client() as client:
            (entry,) = client.get("/v1/binaries").value["binaries"]
            ident, body = entry["id"], json.dumps(argv).encode()
            assert client.get(f"/v1/binaries/{ident}").value["state"] == "ready"
            time.sleep(2)  # The cache is written, and the answer made compact, behind the askers' back.
            times = []
            for _ in range(_WARM_UP + _REQUESTS):
                began = time.perf_counter()
                reply = client.post(f"/v1/check-argv?binary={ident}", body, "application/json")
                times.append(time.perf_counter() - began)
                assert reply.value == {"findings": [], "clean": True, "left_off": 0}, reply.value
            took = statistics.median(times[_WARM_UP:])
            name = "check-argv of 100 devices through the socket, p50"
            yield Row(name, f"{took * _MS:.2f} ms", "3.00 ms", took <= 0.003, f"{len(argv)} words, {len(body)} bytes")
            path = entry["path"]
        if installed is not None:
            yield _load(directory / "cache", path)
            took = statistics.median(_start_qemu(argv) for _ in range(_STARTS))
            yield Row("QEMU's own start with the same 100 devices", f"{took * _MS:.0f} ms", "", None, "to QMP's answer")


def _load(directory: Path, path: str) -> Row:
    """The capabilities of a binary, from the file of the cache to where facts can be asked."""

    async def read() -> list[float]:
        cache = DiskCache(directory)
        await cache.open()
        times = []
        for _ in range(_READS):
            began = time.perf_counter()
            stored = await cache.read(path)
            times.append(time.perf_counter() - began)
            assert stored is not None, path
        return times

    took = statistics.median(asyncio.run(read()))
    name = "load of a cached binary's capabilities, p50"
    return Row(name, f"{took * _MS:.1f} ms", "25.0 ms", took <= 0.025, f"of {_READS}")


def _start_qemu(argv: list[str]) -> float:
    """The seconds until QEMU has made all devices and answers."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [*argv, "-qmp", "stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'{"execute": "qmp_capabilities"}')
        process.stdin.flush()
        greeting, answer = process.stdout.readline(), process.stdout.readline()
        took = time.perf_counter() - began
        assert b"QMP" in greeting, (greeting, process.stderr and process.stderr.read())
        assert json.loads(answer) == {"return": {}}
        return took
    finally:
        process.kill()
        process.communicate(timeout=_PATIENCE)
