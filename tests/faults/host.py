"""What the tests of faults share: a real QEMU under a name of its own, a service for it, and who is left of both."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from prober.service.client import Client
from tests.integration.processes import wait_until
from tests.integration.service_process import Service, start_ready_service
from tests.proc import runs

FACT = "PIIX4_PM.acpi-root-pci-hotplug"

#: What the settings say here: a failure that may pass is soon tried again.
SETTINGS = """
[catalog]
qemu_kvm = ""
directories = []
paths = [{paths}]
retry_s = 0.5
poll_s = 0.25
{more}
"""


def link_qemu(directory: Path, qemu: str, name: str = "qemu-system-x86_64") -> Path:
    """The installed QEMU by a name in this directory, by which its processes are known.

    Not a copy, which would look for its modules beside itself.
    """
    made = directory / name
    made.symlink_to(os.path.realpath(qemu))
    return made


@contextmanager
def serving(directory: Path, *binaries: Path, top: str = "", more: str = "", **options: Any) -> Iterator[Service]:
    """A service for these binaries alone."""
    file = directory / "prober.toml"
    file.write_text(top + SETTINGS.format(paths=", ".join(f'"{path}"' for path in binaries), more=more))
    with start_ready_service(directory, "--config", file, **options) as service:
        yield service


def verdict(client: Client, binary: Path) -> str:
    """What it says of a fact that QEMU 7.2 has: *present* is right."""
    reply = client.get(f"/v1/binaries/{binary.name}/supports?fact={FACT}")
    assert reply.ok, reply
    return str(reply.value["verdict"])


def entry(client: Client, binary: Path) -> dict[str, Any]:
    """How a binary stands, once that is known."""
    value: dict[str, Any] = client.get(f"/v1/binaries/{binary.name}").value
    return value


def all_of(client: Client, binary: Path) -> Any:
    """All that is known of a binary, in a form that can be compared: the commands are a set."""
    status, body = client.fetch(f"/v1/binaries/{binary.name}/capabilities")
    assert status == 200, body[:500]
    value = json.loads(body)
    value["commands"].sort()
    return value


def named(place: Path) -> list[int]:
    """The processes that have this path in their command line: services, what they forked, and QEMUs."""
    found, word = [], os.fsencode(place)
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if word in file.read_bytes() and runs(pid := int(file.parent.name)):
                found.append(pid)
    return found


def asked(binary: Path) -> list[int]:
    """The QEMUs behind this path that are asked: not what puts them into a box, nor those that list what they have."""
    found, word = [], os.fsencode(binary)
    for pid in named(binary):
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if word in words[:3] and b"-S" in words and b"bwrap" not in words[0]:
                found.append(pid)
    return found


def send(number: signal.Signals, pids: list[int]) -> None:
    """Send a signal to those that are still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def wait_until_nothing_is_left(place: Path) -> None:
    """No process with this path in its command line."""
    wait_until(lambda: not named(place))
