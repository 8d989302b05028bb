"""The service on real QEMU: life and death of its process, and what becomes of the QEMUs that it started."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from prober.service.client import Client
from tests.conftest import CHECKOUT
from tests.fakes.making import make_fake
from tests.integration.processes import PATIENCE, PROBER, is_listened_on, run_prober, wait_until
from tests.integration.service_process import Service, start_ready_service, wait_for_state
from tests.proc import is_alive, processor_seconds

FACT = "PIIX4_PM.acpi-root-pci-hotplug"


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with a short path, as that of a socket has at most 107 bytes, and without any QEMU."""
    return tmp_path_factory.mktemp("service")


@contextmanager
def serving(directory: Path, binary: Path | str, **more: Any) -> Iterator[Service]:
    """A service for one binary alone."""
    with start_ready_service(directory, "--directory", directory / "none", "--binary", binary, **more) as service:
        yield service


def supports(client: Client, binary: Path | str) -> str:
    reply = client.get(f"/v1/binaries/{Path(binary).name}/supports?fact={FACT}")
    assert reply.ok, reply
    return str(reply.value["verdict"])


def entry(client: Client, binary: Path | str) -> dict[str, Any]:
    value: dict[str, Any] = client.get(f"/v1/binaries/{Path(binary).name}").value
    return value


def test_interview_then_cache(qemu_binary: str, directory: Path) -> None:
    seen = []
    for _ in range(2):
        with serving(directory, qemu_binary) as service:
            with service.client() as client:
                assert supports(client, qemu_binary) == "present"
                seen.append(entry(client, qemu_binary))
            assert service.stop()[0] == 0
    assert [item["source"] for item in seen] == ["interview", "cache"]
    assert seen[0]["asked_at"] == seen[1]["asked_at"]
    assert seen[0]["fingerprint"]["file"][0] == os.path.realpath(qemu_binary)


@contextmanager
def _waiting_for_types(service: Service, binary: Path) -> Iterator[socket.socket]:
    """A client that waits for an interview: the service has read what it asks."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(service.socket))
        client.sendall(f"GET /v1/binaries/{binary.name}/types HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        wait_until(lambda: not int.from_bytes(fcntl.ioctl(client, termios.TIOCOUTQ, bytes(4)), sys.byteorder))
        yield client


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_a_second_and_leaves_nothing(directory: Path, number: signal.Signals) -> None:
    """With an interview under way, a client that waits for it, and one that dawdles."""
    silent = make_fake(directory, "silent")
    with serving(directory, silent) as service:
        wait_until(service.qemus)
        qemus = service.qemus()
        with service.client() as idle, _waiting_for_types(service, silent) as waiter:
            assert idle.get("/healthz").ok
            status, seconds = service.stop(number)
            assert b"the catalog is closing" in b"".join(iter(lambda: waiter.recv(4096), b""))
        assert (status, seconds < 1) == (0, True)
        wait_for_state(service.notifications, "STOPPING=1", service.process, service.log)
        assert not any(map(is_alive, qemus))
        assert not service.socket.exists()
        assert "Traceback" not in service.printed()


def test_it_does_not_wait_for_workers_that_are_being_loaded(directory: Path) -> None:
    """What makes them imports for a second, and hears nothing meanwhile."""
    replies = CHECKOUT / "fixtures/replies/qemu-7.2.22.replies.xz"
    with start_ready_service(directory, "--directory", directory / "none", "--replies", replies) as service:
        left = service.workers()
        with service.client() as client:
            assert supports(client, "qemu-7.2.22") == "present"
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(service.socket))
            asking.sendall(b"POST /v1/translate HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n<domain/>")
            wait_until(lambda: all(processor_seconds(pid) > 0.1 for pid in left))
            status, seconds = service.stop()
        assert (status, seconds < 1) == (0, True)
        wait_until(lambda: not any(map(is_alive, left)))


@pytest.mark.fault("killed")
def test_killed_service_leaves_no_qemu_and_its_socket_is_taken_over(directory: Path) -> None:
    silent = make_fake(directory, "silent")
    with serving(directory, silent) as service:
        wait_until(service.qemus)
        qemus = service.qemus()
        service.process.kill()
        service.process.wait(PATIENCE)
        wait_until(lambda: not any(map(is_alive, qemus)))
        assert service.socket.exists()
    with serving(directory, silent) as service, service.client() as client:
        assert client.get("/healthz").ok


def test_second_service_is_told_of_the_first(directory: Path) -> None:
    silent = make_fake(directory, "silent")
    with serving(directory, silent) as service:
        ended = run_prober(
            "serve", "--config", "/dev/null", "--socket", service.socket, "--directory", directory / "none"
        )
        assert ended.code != 0
        assert f"another service answers on {service.socket}" in ended.err
        with service.client() as client:
            assert client.get("/healthz").ok


def test_socket_is_for_its_group_alone(directory: Path) -> None:
    with serving(directory, make_fake(directory, "silent")) as service:
        assert service.socket.stat().st_mode & 0o777 == 0o660


def test_changed_binary_is_asked_before_anyone_asks(qemu_binary: str, directory: Path) -> None:
    # Not a copy of the binary: it would look for its modules (TCG among them) beside itself.
    wrapper = directory / "qemu-wrapper"
    wrapper.write_text(f'#!/bin/sh\nexec {qemu_binary} "$@"\n')
    wrapper.chmod(0o755)
    with serving(directory, wrapper) as service, service.client() as client:
        before = entry(client, wrapper)
        assert qemu_binary in [program[0] for program in before["fingerprint"]["programs"]]
        os.utime(wrapper)
        wait_until(lambda: f"{wrapper} is asked again: mtime_ns" in service.printed())
        wait_until(lambda: not service.qemus())
        time.sleep(0.5)
        # Were it only asked now, it would not have been asked before this moment.
        now = time.time()
        after = entry(client, wrapper)
        assert before["asked_at"] < after["asked_at"] < now


@pytest.mark.needs("setpriv")
def test_no_capability_is_needed(qemu_binary: str, directory: Path) -> None:
    """As in prober.service: no capabilities, and none to be had."""
    before = ("setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all")
    with serving(directory, qemu_binary, before=before) as service, service.client() as client:
        assert supports(client, qemu_binary) == "present"
        status = Path(f"/proc/{service.process.pid}/status").read_text()
        assert "CapEff:\t0000000000000000" in status


# Disks that will not have the cache.


@contextmanager
def _mounted(place: Path, options: str) -> Iterator[None]:
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"this needs the right to mount: {done.stderr.decode()}")
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.fault("disk")
@pytest.mark.needs("mount")
@pytest.mark.parametrize(
    ("options", "said"), [("size=64k", "No space left on device"), ("ro", "Read-only file system")]
)
def test_disk_that_will_not_have_the_cache(qemu_binary: str, directory: Path, options: str, said: str) -> None:
    with _mounted(directory / "cache", f"mode=0755,{options}"):
        with serving(directory, qemu_binary) as service, service.client() as client:
            assert supports(client, qemu_binary) == "present"
            assert entry(client, qemu_binary)["source"] == "interview"
            wait_until(lambda: said in service.printed())
            assert service.stop()[0] == 0
        assert list((directory / "cache").iterdir()) == []


# systemd.


@pytest.mark.fault("restart")
@pytest.mark.needs("systemd")
def test_socket_activation(qemu_binary: str, directory: Path) -> None:
    """The first client starts the service; the socket is systemd's, and stays when it ends."""
    path = directory / "activated.sock"
    command = [PROBER, "serve", "--config", "/dev/null", "--socket", "/nonexistent/unused.sock", "--quiet"]
    command += ["--cache", str(directory / "cache"), "--directory", str(directory / "none"), "--binary", qemu_binary]
    with subprocess.Popen(["systemd-socket-activate", "-l", str(path), *command]) as process:
        try:
            wait_until(lambda: is_listened_on(path))
            with Client(path, timeout=PATIENCE) as client:
                assert supports(client, qemu_binary) == "present"
                process.terminate()
                assert process.wait(PATIENCE) == 0
            assert path.exists()
        finally:
            process.kill()


#: What each unit starts.
EXEC_STARTS = {
    "prober.service": "ExecStart=/usr/bin/prober serve\n",
    "prober-metrics.service": "ExecStart=/usr/bin/prober metrics --socket /run/prober/prober.sock "
    "--textfile /var/lib/prometheus/node-exporter/prober.prom\n",
    "prober-agent.service": "ExecStart=/usr/bin/prober agent --socket /run/prober/prober.sock "
    "--status /run/prober-agent/status.json\n",
    "prober-fleet.service": "ExecStart=/usr/bin/prober fleet serve\n",
    "prober-labels.service": "ExecStart=/usr/bin/prober labels --socket /run/prober/prober.sock "
    "--output /etc/kubernetes/node-feature-discovery/features.d/prober\n",
    "prober-prover.service": "ExecStart=/usr/bin/prober serve-prover --for-user prober "
    "--cache /var/cache/prober-prover\n",
}


#: At most so much, in tenths, as the documents say.
EXPOSURES = {
    "prober.service": 12,
    "prober-agent.service": 15,
    "prober-fleet.service": 14,
    "prober-prover.service": 24,
    "prober-metrics.service": 9,
    "prober-labels.service": 9,
}


def _units(directory: Path) -> list[str]:
    """Copies of the units, with the command where it is here in place of where a package puts it."""
    copies = []
    for unit in sorted((CHECKOUT / "packaging/systemd").iterdir()):
        text = unit.read_text()
        if unit.suffix == ".service":
            assert EXEC_STARTS[unit.name] in text
            text = text.replace("/usr/bin/prober", PROBER)
        copy = directory / unit.name
        copy.write_text(text)
        copies.append(str(copy))
    return copies


@pytest.mark.needs("kill")
@pytest.mark.needs("systemd")
def test_units_are_verified(directory: Path) -> None:
    units = _units(directory)
    assert len(units) == 12
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.needs("systemd")
def test_a_fault_in_a_unit_is_found(directory: Path) -> None:
    """The check above can fail."""
    unit = next(Path(unit) for unit in _units(directory) if unit.endswith("/prober.service"))
    unit.write_text(unit.read_text().replace("[Service]", "[Service]\nNoSuchDirective=yes"))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert "NoSuchDirective" in done.stderr


@pytest.mark.needs("systemd")
@pytest.mark.parametrize(("unit", "most"), EXPOSURES.items())
def test_exposure_is_low(directory: Path, unit: str, most: int) -> None:
    """In tenths.  The second may make namespaces and mount, as the boxes that it makes take both."""
    service = next(path for path in _units(directory) if path.endswith(f"/{unit}"))
    words = ["systemd-analyze", "security", "--offline=true", f"--threshold={most}", service]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    words = ["systemd-analyze", "security", "--offline=true", f"--threshold={most - 1}", service]
    assert subprocess.run(words, capture_output=True, check=False).returncode != 0, "the documents say another figure"


@pytest.mark.needs("systemd")
def test_user_and_directories(directory: Path) -> None:
    """What sysusers.d and tmpfiles.d make, made in another root."""
    packaging = CHECKOUT / "packaging"
    (directory / "etc").mkdir()
    subprocess.run(["systemd-sysusers", f"--root={directory}", packaging / "sysusers.d/prober.conf"], check=True)
    users = (directory / "etc/passwd").read_text()
    assert "prober:" in users
    assert "prober-prover:" in users
    groups = (directory / "etc/group").read_text().split()
    (members,) = (line.rpartition(":")[2].split(",") for line in groups if line.startswith("kvm:"))
    assert {*members} == {"prober", "prober-prover"}
    subprocess.run(
        ["systemd-tmpfiles", "--create", f"--root={directory}", packaging / "tmpfiles.d/prober.conf"], check=True
    )
    made = (directory / "run/prober").stat()
    assert made.st_mode & 0o777 == 0o755
    assert f"prober:x:{made.st_uid}:{made.st_gid}:" in users
