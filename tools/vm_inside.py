"""What the steps of the trial share, inside of the virtual machine of ``tools/vm_test.py``."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from prober.service.client import Client

SERVICE, PROVER = "prober.service", "prober-prover.service"
SOCKET = "/run/prober/prober.sock"
BINARY = "/v1/binaries/qemu-system-x86_64"
SETTINGS = Path("/etc/prober/prober.toml")

#: Under emulation all takes twenty times as long.
_TOLD = """admin_group = "games"
prover_idle_s = {idle}
work_s = 120
[catalog]
directories = []
paths = ["/usr/bin/qemu-system-x86_64"]
[catalog.limits]
greet_s = 120
reply_s = 120
total_s = 600
"""
NOBODY, NOGROUP, GAMES = 65534, 65534, 60

STEPS: list[Callable[[], str]] = []


def step(work: Callable[[], str]) -> Callable[[], str]:
    """One step of the trial: it says what it found, or raises."""
    STEPS.append(work)
    return work


def run(*words: str) -> str:
    """What a command prints."""
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def show(unit: str, name: str) -> str:
    """A property of a unit."""
    return run("systemctl", "show", "--value", "-p", name, unit)


def settings(idle: float = 120) -> str:
    """The text of the settings that fit an emulated machine."""
    return _TOLD.format(idle=idle)


def get(path: str) -> Any:
    """What the service says, as root; an error of the service is raised."""
    with Client(SOCKET, timeout=600) as client:
        reply = client.get(path)
    assert reply.status == 200, reply.value
    return reply.value


def prove(*options: str, **query: str) -> dict[str, Any]:
    """The proof of a line; an error of the service is raised."""
    status, value = ask([*options], **query)
    assert status == 200, value
    found: dict[str, Any] = value
    return found


def ask(options: list[str], **query: str) -> tuple[int, Any]:
    """Status and value of what the service says of a line."""
    text = "&".join(f"{name}={value}" for name, value in query.items())
    body = json.dumps(["qemu-system-x86_64", *options]).encode()
    with Client(SOCKET, timeout=600) as client:
        reply = client.post(f"{BINARY}/prove?{text}" if text else f"{BINARY}/prove", body, "application/json")
    return reply.status, reply.value


def as_user(uid: int, gid: int, groups: list[int], work: Callable[[], object]) -> str:
    """What this gives for a user who is in these groups, as text; an error as its name."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        try:
            said = str(work())
        except Exception as error:  # noqa: BLE001 - told, and judged by who asked
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    said = os.read(reading, 4096).decode()
    os.close(reading)
    return said


def ask_as(uid: int, gid: int, groups: list[int]) -> int:
    """The status of a proof for a user who is in these groups."""
    return int(as_user(uid, gid, groups, lambda: ask(["-nodefaults"])[0]))


def journal(unit: str, since: float, *fields: str, form: str = "cat") -> str:
    """What the journal has of a unit from this moment on (seconds since 1970): its own words, and systemd's of it.

    ``fields`` are those that a line has to have (``NAME=value``), ``form`` is how it is printed.
    """
    run("journalctl", "--sync")
    return run("journalctl", "-u", unit, "-o", form, "--no-pager", "--since", f"@{since:.6f}", *fields)


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for something, or raise.

    :raise TimeoutError: where it does not come to be.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.2)


def configure(idle: float, **more: str) -> None:
    """Write the settings, and what stands over the prover's unit (``MemoryMax`` …), and start both anew."""
    SETTINGS.write_text(settings(idle))
    over = Path(f"/run/systemd/system/{PROVER}.d/trial.conf")
    over.parent.mkdir(parents=True, exist_ok=True)
    over.write_text("[Service]\n" + "".join(f"{name}={value}\n" for name, value in more.items()))
    run("systemctl", "daemon-reload")
    run("systemctl", "stop", PROVER)
    run("systemctl", "restart", SERVICE)


def qemus() -> list[str]:
    """The processes of QEMU that are there."""
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            found.append(path.read_text().strip())
    return [name for name in found if name.startswith(("qemu-system", "bwrap"))]
