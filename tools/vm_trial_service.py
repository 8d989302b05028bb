"""What is tried of the service's unit, inside of the virtual machine of ``tools/vm_test.py``.

Each step does something to a service that runs, asks it as an agent would, and looks for what the journal has to show.
"""

from __future__ import annotations

import grp
import json
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from prober.service.client import Client
from tools.vm_inside import (
    BINARY,
    GAMES,
    NOBODY,
    NOGROUP,
    SERVICE,
    SETTINGS,
    SOCKET,
    as_user,
    get,
    journal,
    run,
    settings,
    show,
    step,
    wait_until,
)

_FACT = f"{BINARY}/supports?fact=PIIX4_PM.acpi-root-pci-hotplug"
_CACHE = Path("/var/cache/prober")
_BINARY = "/usr/bin/qemu-system-x86_64"
_NODE_EXPORTER = Path("/var/lib/prometheus/node-exporter")
_PACKAGES = "/var/cache/qemu-upgrade"


def version() -> str:
    """QEMU's version, as the service knows it now."""
    found = get(BINARY)
    assert found["state"] == "ready", found
    return ".".join(str(found["version"][name]) for name in ("major", "minor", "micro"))


def main_pid() -> int:
    """The service's process."""
    return int(show(SERVICE, "MainPID"))


def shows(since: float, *words: str) -> str:
    """The journal of the service, which has each of these words in it."""
    said = ""

    def has_all() -> bool:
        nonlocal said
        said = journal(SERVICE, since)
        return all(word in said for word in words)

    with suppress(TimeoutError):
        wait_until(has_all, 20, "the journal")
    missing = [word for word in words if word not in said]
    assert not missing, f"the journal lacks {missing}: {said[-1500:]}"
    return said


def may_refresh() -> int:
    """The status of asking for a new interview of what is not there: 404 for those who may, else 403."""
    with Client(SOCKET, timeout=600) as client:
        return client.post("/v1/binaries/nothing/refresh", b"").status


@step
def boots() -> str:
    """The sockets listen, and nothing runs yet."""
    assert show("prober.socket", "ActiveState") == "active"
    assert show(SERVICE, "ActiveState") == "inactive"
    SETTINGS.write_text(settings())
    return run("systemctl", "--version").splitlines()[0] + ", Linux " + os.uname().release


@step
def is_activated_by_an_agent() -> str:
    """The first question, by a member of the socket's group, starts the service; who is no member is not let in."""
    began = time.time()
    group = grp.getgrnam("prober").gr_gid
    said = as_user(NOBODY, NOGROUP, [group], lambda: get(_FACT)["verdict"])
    assert said == "present", said
    outside = as_user(NOBODY, NOGROUP, [], lambda: get(_FACT)["verdict"])
    assert "ermission" in outside or "may not" in outside, outside
    assert Path(f"/proc/{main_pid()}").owner() == "prober"
    shows(began, "ready on", "Started")
    return f"{said} in {time.time() - began:.1f} s, QEMU {version()}; others: {outside[:60]}"


@step
def is_confined() -> str:
    """What holds the QEMUs that are asked."""
    entry = get(BINARY)
    assert entry["confinement"] == "weak", entry
    assert not any("Without Landlock" in one for one in entry["unconfined"]), entry["unconfined"]
    return " ".join(entry["unconfined"])


@step
def comes_back_when_killed() -> str:
    """A new process answers, with what the cache kept; nobody is refused meanwhile."""
    wait_until(lambda: bool(entries()), 60, "an entry in the cache")  # It is written after the answer.
    began, before = time.time(), main_pid()
    os.kill(before, signal.SIGKILL)
    assert get(_FACT)["verdict"] == "present"
    entry = get(BINARY)
    assert (entry["source"], main_pid() == before) == ("cache", False), entry
    shows(began, "status=9/KILL", "ready on")
    return f"answered from the {entry['source']} after {time.time() - began:.1f} s"


@step
def is_watched() -> str:
    """Prometheus' socket reaches a service that has no network, node-exporter gets its file, the journal its fields."""
    began = time.time()
    run("systemctl", "stop", SERVICE)
    run("systemctl", "start", "prober-metrics.socket")
    try:
        status, text = scrape("/metrics")
        assert status == 200 and "prober_build_info{" in text, text[:500]
        assert scrape("/healthz")[0] == scrape("/v1/binaries")[0] == 404
        assert get("/healthz")["status"] == "ok"
        network = [Path(f"/proc/{pid}/ns/net").readlink() for pid in (main_pid(), os.getpid())]
        assert network[0] != network[1], network
        _NODE_EXPORTER.mkdir(parents=True, exist_ok=True)
        run("systemctl", "start", "prober-metrics.service")
        (file,) = _NODE_EXPORTER.iterdir()
        assert file.stat().st_mode & 0o777 == 0o644
        assert "prober_binaries{" in file.read_text()
        run("systemctl", "start", "prober-metrics.timer")
        shows(began, "ready on", "metrics on 127.0.0.1:19177")
        fields = json.loads(journal(SERVICE, began, "PROBER_EVENT=ready", form="json").splitlines()[-1])
        assert (fields["PRIORITY"], fields["SYSLOG_IDENTIFIER"]) == ("6", "prober"), fields
    finally:
        run("systemctl", "stop", "prober-metrics.timer", "prober-metrics.socket", SERVICE)
    return f"{text.count(chr(10))} lines, PROBER_BINARIES={fields['PROBER_BINARIES']}"


def scrape(path: str) -> tuple[int, str]:
    """Status and text of what Prometheus' socket says."""
    with socket.create_connection(("127.0.0.1", 19177), timeout=600) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        said = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    head, _, body = said.partition("\r\n\r\n")
    return int(head.split()[1]), body


@step
def follows_an_upgrade() -> str:
    """dpkg puts another QEMU in place, and the running service says so."""
    began, before, pid = time.time(), version(), main_pid()
    run("sh", "-c", f"DEBIAN_FRONTEND=noninteractive dpkg -i {_PACKAGES}/*.deb")
    installed = time.monotonic()
    installed_version = run("qemu-system-x86_64", "--version").split()[3]
    wait_until(lambda: version() == installed_version, 300, f"QEMU {installed_version}")
    took = time.monotonic() - installed
    assert before != installed_version and main_pid() == pid
    shows(began, "is asked again")
    return f"{before} before, {installed_version} after {took:.1f} s"


@step
def reloads_its_settings() -> str:
    """A new file holds for who asks next; a wrong one is told, and the old one is kept.  No connection is dropped."""
    began, pid = time.time(), main_pid()
    Path(SOCKET).chmod(0o666)
    in_games = (NOBODY, NOGROUP, [GAMES])
    with Client(SOCKET, timeout=600) as held:
        assert held.get(_FACT).status == 200
        SETTINGS.write_text(settings().replace('"games"', '""'))
        run("systemctl", "reload", SERVICE)
        wait_until(lambda: as_user(*in_games, may_refresh) == "403", 30, "403 for who is no admin any more")
        SETTINGS.write_text("admin_group = 3\n")
        subprocess.run(["systemctl", "reload", SERVICE], check=False)
        assert as_user(*in_games, may_refresh) == "403"
        shows(began, "admin_group")
        SETTINGS.write_text(settings())
        run("systemctl", "reload", SERVICE)
        wait_until(lambda: as_user(*in_games, may_refresh) == "404", 60, "404 for an admin")
        assert held.get(_FACT).status == 200
    Path(SOCKET).chmod(0o660)
    assert main_pid() == pid
    return "403 after the first, kept at the wrong one, let in after the last"


def entries() -> dict[str, int]:
    """What is in the cache, each with the time of its last change."""
    return {path.name: path.stat().st_mtime_ns for path in _CACHE.glob("*.cache")}


@step
def bears_a_full_disk() -> str:
    """It answers though it cannot keep the answer, says so, and keeps the next one once there is room."""
    began, before = time.time(), entries()
    filling = Path("/var/cache/filling")
    subprocess.run(["dd", "if=/dev/zero", f"of={filling}", "bs=1M"], check=False, capture_output=True)
    try:
        os.utime(_BINARY)
        asked_at = get(BINARY)["asked_at"]
        assert asked_at >= began - 1
        assert get(_FACT)["verdict"] == "present"
        shows(began, "cannot be written", "No space left on device")
        assert entries() == before
    finally:
        filling.unlink()
    os.utime(_BINARY)
    assert get(BINARY)["asked_at"] > asked_at
    wait_until(lambda: entries() != before, 60, "an entry in the cache")
    run("systemctl", "restart", SERVICE)
    assert get(BINARY)["source"] == "cache"
    return "answered, told, and kept once there was room"


@step
def refuses_a_cache_of_others() -> str:
    """A directory above the cache that everybody may write to: it does not start, and the journal says why."""
    began = time.time()
    _CACHE.parent.chmod(0o777)
    try:
        done = subprocess.run(["systemctl", "restart", SERVICE], capture_output=True, check=False)
        assert done.returncode != 0
        said = shows(began, "everybody can write to /var/cache above it", "chmod go-w /var/cache")
    finally:
        _CACHE.parent.chmod(0o755)
        run("systemctl", "stop", SERVICE)
        run("systemctl", "reset-failed", SERVICE, "prober.socket")
        run("systemctl", "start", "prober.socket")
    assert get(_FACT)["verdict"] == "present"
    return next(line for line in said.splitlines() if "everybody" in line)


@step
def takes_little_memory() -> str:
    """Of the limit that the unit has."""
    used: dict[str, Any] = {name: int(show(SERVICE, name)) >> 20 for name in ("MemoryCurrent", "MemoryMax")}
    assert used["MemoryCurrent"] * 2 < used["MemoryMax"], used
    return f"{used['MemoryCurrent']} of {used['MemoryMax']} MiB, {show(SERVICE, 'TasksCurrent')} tasks"
