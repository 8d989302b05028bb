"""The host gives no process, no thread or no disk for a while: it is told, nobody is harmed, and it passes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.making import make_fake
from tests.faults.host import asked, entry, link_qemu, send, serving, verdict, wait_until_nothing_is_left
from tests.integration.processes import PROBER, wait_until
from tests.integration.service_process import Service, start_ready_service
from tests.proc import children_of, name_of, runs
from tests.recordings import FIXTURES
from tests.unit.service.asking_as import require_root

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ID = "qemu-7.2.22"
RECORDING = f'recordings = ["{FIXTURES}/{ID}.replies.xz"]'
DOMAIN = (
    "<domain type='qemu'><name>{}</name><memory>65536</memory><os><type arch='x86_64' machine='pc'>hvm</type></os>"
    "<devices/></domain>"
)

#: A user that the kernel holds to its limit of processes, as it does not root, and that may open what root may.
SOMEBODY = (
    "setpriv", "--reuid=12347", "--regid=12347", "--clear-groups", "--inh-caps=-all,+dac_override",
    "--ambient-caps=-all,+dac_override", "--bounding-set=-all,+dac_override",
)  # fmt: skip


#: Who is there when nothing is asked.
THERE = ["prober-nursery", "prober-worker", "prober-worker"]


def _limit_processes(service: Service, most: str) -> None:
    """For the service, what forks for it, and all that these start from now on."""
    for pid in (service.process.pid, *service.workers()):
        subprocess.run([*SOMEBODY, "prlimit", f"--pid={pid}", f"--nproc={most}:"], check=True)


@pytest.mark.fault("fork")
@pytest.mark.needs("setpriv")
def test_no_process_to_be_had(directory: Path, qemu_binary: str) -> None:
    """Neither for an interview nor for a worker; what is known is answered all the while."""
    require_root()
    qemu = link_qemu(directory, qemu_binary)
    other = make_fake(directory, "good")
    (directory / "cache").mkdir()
    os.chown(directory / "cache", 12347, 12347)
    with serving(directory, qemu, other, before=SOMEBODY, more=RECORDING) as service, service.client() as client:
        assert verdict(client, qemu) == "present"
        assert client.post(f"/v1/translate?binary={ID}", DOMAIN.format("a").encode()).status == 200
        assert entry(client, other)["state"] == "ready"
        wait_until(lambda: sorted(map(name_of, service.workers())) == THERE)
        _limit_processes(service, "1")
        send(signal.SIGKILL, [pid for pid in service.workers() if name_of(pid) == "prober-worker"])
        other.write_text(other.read_text() + "\n# another\n")
        failed = entry(client, other)
        assert failed["state"] == "failed", failed
        assert "Resource temporarily unavailable" in failed["error"], failed
        refused = client.post(f"/v1/translate?binary={ID}", DOMAIN.format("b").encode())
        assert (refused.status, refused.value["type"]) == (503, "urn:prober:work"), refused
        assert verdict(client, qemu) == "present"
        assert client.get("/readyz").ok
        _limit_processes(service, "4096")
        wait_until(lambda: state_of(client, other) == "ready")
        assert client.post(f"/v1/translate?binary={ID}", DOMAIN.format("b").encode()).status == 200
        assert verdict(client, qemu) == "present"
        assert "Traceback" not in service.printed()
        assert service.stop()[0] == 0
    wait_until_nothing_is_left(directory)


def state_of(client: Any, binary: Path) -> str:
    """How a binary stands, without waiting."""
    entries = client.get("/v1/binaries").value["binaries"]
    return str(next(entry["state"] for entry in entries if entry["id"] == binary.name))


def _asking(service: Service) -> list[int]:
    return [pid for pid in service.workers() if name_of(pid) == "prober-asking"]


@pytest.mark.fault("worker")
def test_an_asker_that_is_killed_is_replaced_at_once(directory: Path, qemu: Path) -> None:
    """Nobody sees more of it than the time that it takes; the QEMUs of the killed one end with it."""
    with serving(directory, qemu) as service, service.client() as client:
        wait_until(lambda: asked(qemu))
        gone = asked(qemu)
        send(signal.SIGKILL, _asking(service))
        assert verdict(client, qemu) == "present"
        wait_until(lambda: not any(map(runs, gone)))
        assert service.stop()[0] == 0
    wait_until_nothing_is_left(directory)


@pytest.mark.long
@pytest.mark.fault("worker")
def test_askers_that_are_killed_again_and_again(directory: Path, qemu: Path) -> None:
    """As by the kernel where memory is short: it is told why there is no answer, and it passes."""
    with serving(directory, qemu) as service, service.client() as client:
        until = time.monotonic() + 60
        while state_of(client, qemu) != "failed":
            send(signal.SIGKILL, _asking(service))
            assert time.monotonic() < until, service.printed()
        assert "has died" in next(one["error"] for one in client.get("/v1/binaries").value["binaries"])
        wait_until(lambda: state_of(client, qemu) == "ready")
        assert verdict(client, qemu) == "present"
        assert service.stop()[0] == 0
    wait_until_nothing_is_left(directory)


@pytest.mark.long
@pytest.mark.fault("worker")
def test_what_makes_them_is_killed_while_they_ask(directory: Path, qemu: Path) -> None:
    with serving(directory, qemu) as service, service.client() as client:
        wait_until(lambda: asked(qemu))
        (nursery,) = (pid for pid in children_of(service.process.pid) if name_of(pid) == "prober-nursery")
        os.kill(nursery, signal.SIGKILL)
        assert verdict(client, qemu) == "present"
        assert service.stop()[0] == 0
    wait_until_nothing_is_left(directory)


# Disks.


@pytest.fixture
def disk(directory: Path) -> Any:
    """A small disk under the cache."""
    place = directory / "cache"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "mode=0755,size=4m", "none", place], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"this needs the right to mount: {done.stderr.decode()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.fault("disk")
@pytest.mark.needs("mount")
@pytest.mark.parametrize("how", ["full", pytest.param("read-only", marks=pytest.mark.long)])
def test_a_disk_that_is_so_for_a_while(directory: Path, disk: Path, qemu: Path, how: str) -> None:
    """What is on it stays and is used; what changes is answered all the same, and kept once there is room."""
    fake = make_fake(directory, "good")
    with serving(directory, qemu, fake) as service, service.client() as client:
        assert verdict(client, qemu) == "present"
        assert entry(client, fake)["state"] == "ready"
        wait_until(lambda: len(list(disk.glob("*.cache"))) == 2)
        if how == "full":
            with (disk / "ballast").open("wb") as file, pytest.raises(OSError, match="No space"):
                while True:
                    os.write(file.fileno(), bytes(4096))
        else:
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        before = {path.name: path.read_bytes() for path in disk.glob("*.cache")}
        fake.write_text(fake.read_text() + "\n# another\n")
        asked_at = entry(client, fake)["asked_at"]
        wait_until(lambda: "cannot be written" in service.printed())
        assert verdict(client, qemu) == "present"
        assert {path.name: path.read_bytes() for path in disk.glob("*.cache")} == before
        assert service.stop()[0] == 0
    with serving(directory, qemu, fake) as service, service.client() as client:
        assert entry(client, qemu)["source"] == "cache"
        assert verdict(client, qemu) == "present"
        renewed = entry(client, fake)
        assert (renewed["source"], renewed["asked_at"] > asked_at) == ("interview", True)
        if how == "full":
            (disk / "ballast").unlink()
        else:
            subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        fake.write_text(fake.read_text() + "\n# one more\n")
        assert entry(client, fake)["source"] == "interview"
        wait_until(lambda: {path.name: path.read_bytes() for path in disk.glob("*.cache")} != before)
        assert service.stop()[0] == 0
    assert not list(disk.glob(".*.tmp"))
    assert not list(disk.glob("*.bad"))


#: No file can be made where temporary ones are; what comes then is run.
_NO_ROOM = """
for place in /tmp /var/tmp; do
    mount -t tmpfs -o size=16k,nr_inodes=4 none $place
    touch $place/a $place/b $place/c $place/d 2>/dev/null
done
cd /tmp; exec "$@"
"""


@pytest.mark.fault("disk")
@pytest.mark.needs("mount")
def test_no_room_for_temporary_files(qemu_binary: str) -> None:
    """An interview writes nothing, and needs no place for it."""
    words = [PROBER, "supports", "PIIX4_PM.acpi-root-pci-hotplug", "--binary", qemu_binary]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", _NO_ROOM, "sh", *words],
        capture_output=True, text=True, check=False, env={**os.environ, "TMPDIR": "/tmp"},
    )  # fmt: skip
    if "permission denied" in done.stderr.lower():
        pytest.skip(f"this needs the right to mount: {done.stderr}")
    assert (done.returncode, done.stderr) == (0, "")
    assert ": present" in done.stdout


@pytest.mark.long
@pytest.mark.fault("disk")
@pytest.mark.needs("mount")
def test_a_log_on_a_full_disk(directory: Path, disk: Path, qemu: Path) -> None:
    """Nobody takes its lines any more; it goes on."""
    with (disk / "ballast").open("wb") as file, pytest.raises(OSError, match="No space"):
        while True:
            os.write(file.fileno(), bytes(4096))
    with serving(directory, qemu, before=("sh", "-c", f'exec "$@" 2>>{disk}/log', "sh")) as service:
        with service.client() as client:
            assert verdict(client, qemu) == "present"
            assert client.get("/v1/binaries/none").status == 404
            (disk / "ballast").unlink()
            assert verdict(client, qemu) == "present"
        assert service.stop()[0] == 0


# Descriptors.


def _limit_descriptors(service: Service, most: str) -> None:
    subprocess.run(["prlimit", f"--pid={service.process.pid}", f"--nofile={most}:"], check=True)


@pytest.mark.fault("descriptors")
@pytest.mark.needs("setpriv")
def test_binaries_are_not_taken_for_gone(directory: Path, qemu_binary: str) -> None:
    """What is found in a directory stays in the catalog, and in the cache, while no directory can be opened."""
    (directory / "bin").mkdir()
    qemu = link_qemu(directory / "bin", qemu_binary)
    top = f'[catalog]\nqemu_kvm = ""\ndirectories = ["{directory}/bin"]\nretry_s = 0.5\npoll_s = 0.25\n'
    (directory / "prober.toml").write_text(top)
    with start_ready_service(directory, "--config", directory / "prober.toml") as service:
        with service.client() as client:
            assert verdict(client, qemu) == "present"
            asked_at = entry(client, qemu)["asked_at"]
        wait_until(lambda: list((directory / "cache").glob("*.cache")))
        _limit_descriptors(service, "12")
        wait_until(lambda: "are not looked for now: Too many open files" in service.printed())
        time.sleep(1)
        _limit_descriptors(service, "1024")
        with service.client() as client:
            assert verdict(client, qemu) == "present"
            assert entry(client, qemu)["asked_at"] == asked_at
        assert "is gone" not in service.printed()
        assert service.stop()[0] == 0
    assert list((directory / "cache").glob("*.cache"))
