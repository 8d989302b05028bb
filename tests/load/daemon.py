"""libvirtd of our own, and clients that ask it without pause, each in a process of its own."""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.service import domain
from tests.conftest import CHECKOUT
from tests.load.agents import Measured

_PATIENCE = 60


def is_there() -> bool:
    """Whether libvirtd is installed."""
    return shutil.which("libvirtd") is not None


@contextmanager
def running_daemon() -> Iterator[str]:
    """libvirtd with a socket of its own, as long as this goes on; what clients connect to."""
    with tempfile.TemporaryDirectory(prefix="load") as directory:
        config = Path(directory) / "libvirtd.conf"
        config.write_text(
            f'unix_sock_dir = "{directory}"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\nmax_clients = 5000\n'
        )
        # A user of libvirt's who cannot open /dev/kvm makes it ask QEMU anew each time, many seconds long.
        own = Path(directory) / "qemu.conf"
        own.write_text('user = "root"\ngroup = "root"\n')
        daemon = f"exec libvirtd --config {config} --pid-file {directory}/pid --timeout 600"
        mounted = f"mount --bind {own} /etc/libvirt/qemu.conf && {daemon}"
        command = ["unshare", "--mount", "sh", "-c", mounted]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                deadline = time.monotonic() + _PATIENCE
                while not (Path(directory) / "libvirt-sock").exists():
                    assert process.poll() is None, "libvirtd ended"
                    assert time.monotonic() < deadline, "libvirtd makes no socket"
                    time.sleep(0.05)
                yield f"qemu+unix:///system?socket={directory}/libvirt-sock"
            finally:
                process.terminate()
                process.wait(_PATIENCE)


def ask_daemon(uri: str, seconds: float, clients: int) -> Measured:
    """What so many clients got of it."""
    command = [sys.executable, "-m", "tests.load.daemon", uri, str(seconds)]
    measured = Measured(seconds)
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=CHECKOUT, text=True) for _ in range(clients)]
    for process in processes:
        said, _ = process.communicate(timeout=seconds + 2 * _PATIENCE)
        told = json.loads(said) if said else {}
        if not told:
            measured.errors.append("a client of libvirtd's ended")
        for call, waits in told.items():
            measured.waits[call] += waits
    return measured


def main() -> None:
    """One client: what each call took, as JSON, at the end."""
    _, uri, seconds = sys.argv
    library = ctypes.CDLL("libvirt.so.0")
    library.virConnectOpen.restype = ctypes.c_void_p
    library.virConnectGetDomainCapabilities.restype = ctypes.c_char_p
    library.virConnectGetDomainCapabilities.argtypes = [ctypes.c_void_p, *[ctypes.c_char_p] * 4, ctypes.c_uint]
    library.virConnectDomainXMLToNative.restype = ctypes.c_char_p
    library.virConnectDomainXMLToNative.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint]
    connection = library.virConnectOpen(uri.encode())
    if not connection:
        return
    ask = library.virConnectGetDomainCapabilities
    ask(connection, b"/usr/bin/qemu-system-x86_64", b"x86_64", b"pc", b"qemu", 0)  # It asks QEMU at first.
    waits: dict[str, list[float]] = {"getDomainCapabilities": [], "domxml-to-native": []}
    until, number = time.monotonic() + float(seconds), 0
    while time.monotonic() < until:
        number += 1
        call = "domxml-to-native" if number % 4 == 0 else "getDomainCapabilities"
        began = time.perf_counter()
        if call == "domxml-to-native":
            answer = library.virConnectDomainXMLToNative(connection, b"qemu-argv", _without_interfaces(number), 0)
        else:
            answer = ask(connection, b"/usr/bin/qemu-system-x86_64", b"x86_64", b"pc", b"qemu", 0)
        if answer:
            waits[call].append(time.perf_counter() - began)
    sys.stdout.write(json.dumps(waits))


def _without_interfaces(number: int) -> bytes:
    """libvirt makes a TAP device for each; ACPI hot-plug of the root bus is an option that it has not."""
    lines = domain(number).decode().splitlines()
    return "\n".join(line for line in lines if "<interface" not in line and "<pm>" not in line).encode()


if __name__ == "__main__":
    main()
