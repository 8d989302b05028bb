"""Many binaries at once, every fifth of them broken in another way: the rest is answered, and nobody else is harmed."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from prober.service.client import Client
from tests.fakes.making import make_fake
from tests.faults.host import asked, serving, wait_until_nothing_is_left
from tests.integration.processes import wait_until
from tests.integration.service_process import Service
from tests.proc import descendants_of, proportional_size
from tests.recordings import FIXTURES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.fault("broken")]

ID = "qemu-10.0.13"
MORE = f"""recordings = ["{FIXTURES}/{ID}.replies.xz"]
max_interviews = 1
[catalog.limits]
greet_s = 20
reply_s = 10
total_s = 60
reply_bytes = 8388608
"""
FACT = f"/v1/binaries/{ID}/supports?fact=PIIX4_PM.acpi-root-pci-hotplug"

#: Each way to be broken, and a word of why it has no answer.
BROKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "closes_at_once": ("ended", {}),
    "complains": ("unknown thing", {"words": "qemu: unknown thing\n"}),
    "hangs_at": ("within", {"at": "query-version"}),
    "silent": ("within", {}),
    "endless_line": ("more than", {"at": "query-qmp-schema"}),
    "says_at": ("not JSON", {"at": "query-commands", "data": b"nonsense\n"}),
    "refuses_to_negotiate": ("not today", {}),
    "says_half_at": ("ended", {"at": "query-commands"}),
    "hangs_up_at": ("closed its QMP connection", {"at": "zeta"}),
    "endless_stderr": ("within", {"at": "zeta"}),
}


def _wrap(directory: Path, qemu: str, number: int) -> Path:
    """The real QEMU behind a script."""
    path = directory / f"qemu-system-good{number:02}"
    path.write_text(f'#!/bin/sh\nexec {qemu} "$@"\n')
    path.chmod(0o755)
    return path


@contextmanager
def _watched(service: Service, directory: Path) -> Iterator[dict[str, float]]:
    """The most QEMUs at once, the most memory (MiB) of the service and all that it started, and what others saw."""
    seen = {"qemus": 0.0, "mib": 0.0, "asked": 0.0, "wrong": 0.0}
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            qemus = []
            with suppress(OSError):  # One ended while it was looked for.
                qemus = service.qemus()
            running = {line for pid in qemus if (line := _session(pid))}
            seen["qemus"] = max(seen["qemus"], len(running))
            size = 0.0
            with suppress(OSError):
                for pid in (service.process.pid, *descendants_of(service.process.pid)):
                    with suppress(OSError, StopIteration):
                        size += proportional_size(pid)
            seen["mib"] = max(seen["mib"], size)
            time.sleep(0.1)

    def ask() -> None:
        with service.client() as client:
            while not over.is_set():
                reply = client.get(FACT)
                seen["asked"] += 1
                seen["wrong"] += not (reply.ok and reply.value["verdict"] == "present")
                time.sleep(0.02)

    threads = [threading.Thread(target=watch), threading.Thread(target=ask)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _session(pid: int) -> str:
    """Which QEMU this is, where it speaks QMP and is no box around one."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"-mon" in words and b"bwrap" not in words[0] and b"--" not in words:
            return str(pid)
    return ""


def test_the_others_are_answered(directory: Path, qemu_binary: str, whole: bool, record_property: Any) -> None:
    number = 40 if whole else 3
    good = [_wrap(directory, qemu_binary, place) for place in range(number)]
    chosen = BROKEN if whole else {name: BROKEN[name] for name in ("closes_at_once", "says_at")}
    broken = {make_fake(directory, name, **more): said for name, (said, more) in chosen.items()}
    # The broken ones stand between the others.
    paths = [path for place, path in enumerate(good) for path in (path, *list(broken)[place::number])]
    # The one that others ask about is known already: what is not has to wait for its turn.
    with serving(directory, more=MORE) as service, service.client() as client:
        assert client.get(FACT).ok
        wait_until(lambda: list((directory / "cache").glob("*.cache")))
    began = time.monotonic()
    with (
        serving(directory, *paths, more=MORE, measured=False) as service,
        Client(service.socket, timeout=900) as client,  # The last one waits for all that come before.
    ):
        with _watched(service, directory) as seen:
            for path in good:
                reply = client.get(f"/v1/binaries/{path.name}/supports?fact=PIIX4_PM.acpi-root-pci-hotplug")
                assert reply.ok, reply
                assert reply.value["verdict"] == "present"
            failed = {path: client.get(f"/v1/binaries/{path.name}").value for path in broken}
        took = time.monotonic() - began
        for path, said in broken.items():
            assert failed[path]["state"] == "failed", failed[path]
            assert said in failed[path]["error"], failed[path]
        assert seen["wrong"] == 0
        assert seen["asked"] > number
        assert seen["qemus"] <= 2, "an interview has two at most, and there is one at a time"
        assert seen["mib"] <= 768, "as much as the unit allows"
        assert client.get("/readyz").ok
        assert service.stop(signal.SIGTERM)[0] == 0
    wait_until_nothing_is_left(directory)
    assert not any(asked(path) for path in paths)
    told = f"{number} good and {len(broken)} broken in {took:.0f} s, at most {seen['qemus']:.0f} QEMUs and "
    record_property("told", f"{told}{seen['mib']:.0f} MiB; {seen['asked']:.0f} answers about another meanwhile")
