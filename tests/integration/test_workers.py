"""The workers of a real service: they share, they end in time, they are replaced, and nothing of them is left.

At the end of each service no callback of its event loop has taken more than so much processor time
(:data:`tests.integration.service_process.MOST_MS`), whatever was sent.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from prober.errors import ServiceError
from prober.service.client import Client
from tests.integration.processes import PATIENCE, wait_until
from tests.integration.service_process import Service, is_own, start_ready_service
from tests.proc import children_of, is_alive, name_of, proportional_size
from tests.recordings import FIXTURES
from tests.unit.service.asking_as import ask_as, require_root

pytestmark = pytest.mark.slow

MIB = 1 << 20
#: Another user, and one more.
SOMEBODY, ANOTHER = 12345, 12346
ID = "qemu-10.0.13"
ONE = FIXTURES / f"{ID}.replies.xz"
TRANSLATE = f"/v1/translate?binary={ID}"
CHECK = f"/v1/check-argv?binary={ID}"

HEAD = "<domain type='qemu'><name>{}</name><memory>65536</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>"


def domain(name: object = "a", more: str = "", devices: str = "") -> bytes:
    return f"{HEAD.format(name)}{more}<devices>{devices}</devices></domain>".encode()


@pytest.fixture
def directory(open_directory: Path) -> Path:
    """A place with a short path, into which everybody may look."""
    return open_directory


@contextmanager
def serving(directory: Path, *settings: str, replies: Path = ONE, **more: Any) -> Iterator[Service]:
    """A service for recordings, with these settings, whose workers are there, and which reads nothing any more."""
    file = directory / "prober.toml"
    file.write_text("\n".join(("mode = 0o666", *settings)))
    options = ("--config", file, "--directory", directory / "none", "--replies", replies)
    with start_ready_service(directory, *options, **more) as service:
        with service.client() as client:
            entries = client.get("/v1/binaries").value["binaries"]
            for entry in entries:
                assert client.post(f"/v1/translate?binary={entry['id']}", domain()).status in (200, 422)
        wait_until(lambda: "prober-asking" not in map(name_of, service.workers()))
        yield service


def workers(service: Service) -> list[int]:
    """The workers, without what makes them and those that read a recording."""
    return [pid for pid in service.workers() if name_of(pid) == "prober-worker"]


def kill(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


class Asking(threading.Thread):
    """Somebody who asks in the background; ``reply`` is there once it is joined."""

    def __init__(self, service: Service, path: str, body: bytes, kind: str = "application/xml") -> None:
        super().__init__()
        self.reply: Any = None
        self._ask = (service, path, body, kind)
        self.start()

    def run(self) -> None:
        service, path, body, kind = self._ask
        try:
            with service.client() as client:
                self.reply = client.post(path, body, kind)
        except ServiceError as error:  # It has ended.
            self.reply = error


#: Small, and each takes long to be read, checked, or taken apart: none of that is done on the event loop.
HOSTILE = {
    "cpuset": (TRANSLATE, domain(more=f"<vcpu cpuset='{'0-4095,' * 1000}1'>1</vcpu>"), ""),
    "unknown attributes": (TRANSLATE, f"<domain {' '.join(f'a{n}={n!r}' for n in range(9000))}/>".encode(), ""),
    "unknown elements": (TRANSLATE, domain(more="<a/>" * 15000), ""),
    "many devices": (TRANSLATE, domain(devices="<sound model='ich6'/>" * 700), ""),
    "one long word": (CHECK, b"qemu -" + b"x" * 60_000, "text/plain"),
    "quotes": (CHECK, b"'" * 256_000, "text/plain"),
    "unknown properties": (CHECK, b"qemu -cpu qemu64," + b",".join(b"+a%d" % n for n in range(500)), "text/plain"),
    "words": (CHECK, b'["qemu' + b'","a' * 60_000 + b'"]', "application/json"),
    "guesses": (TRANSLATE, b"<type " + b"a" * 200 + b"<emulator>" * 60_000, ""),
    "spaces": (CHECK, b" " * 256_000, "text/plain"),
}


def test_whatever_is_sent_the_event_loop_is_not_held(directory: Path) -> None:
    # What is asserted of the loop is so at the end of the service.
    with (
        serving(directory, "work_s = 100.0", replies=FIXTURES) as service,
        Client(service.socket, timeout=110, max_response=MIB) as client,
    ):
        for name, (path, body, kind) in HOSTILE.items():
            reply = client.post(path, body, kind or "application/xml")
            assert reply.status in (200, 400, 422), (name, reply)
        for binary in client.get("/v1/binaries").value["binaries"]:
            for what in ("types", "machines", "cpus", "commands", "commands/blockdev-add", "types/virtio-net-pci"):
                assert client.get(f"/v1/binaries/{binary['id']}/{what}").status == 200
            for fact in ("blockdev-add.discard", "x" * 250, "blockdev-add.nothing", "-blockdev rbd"):
                assert client.get(f"/v1/binaries/{binary['id']}/supports?fact={fact.replace(' ', '%20')}").ok
            assert client.get(f"/v1/binaries/{binary['id']}/capabilities").ok
        assert client.get("/openapi.json").ok


def test_what_takes_too_long_is_ended_and_told(directory: Path) -> None:
    with serving(directory, "work_s = 4.0", "workers = 1") as service, service.client() as client:
        slow = workers(service)
        kill(slow, signal.SIGSTOP)
        reply = client.post(TRANSLATE, domain("b"))
        assert (reply.status, reply.value["type"]) == (503, "urn:prober:work")
        assert "longer than the 4 seconds" in reply.value["detail"]
        wait_until(lambda: not any(map(is_alive, slow)))
        assert client.post(TRANSLATE, domain("c")).status == 200


def test_more_than_may_wait_are_told_when_to_come_again(directory: Path) -> None:
    with serving(directory, "workers = 1", "max_waiting_work = 1", "work_s = 60.0") as service:
        kill(workers(service), signal.SIGSTOP)
        asking = [Asking(service, TRANSLATE, domain(n)) for n in range(4)]
        wait_until(lambda: sum(one.reply is not None for one in asking) == 2)
        refused = [one.reply for one in asking if one.reply is not None]
        assert [(reply.status, reply.value["type"]) for reply in refused] == [(503, "urn:prober:busy")] * 2
        kill(workers(service), signal.SIGCONT)
        for one in asking:
            one.join(PATIENCE)
        assert sorted(one.reply.status for one in asking) == [200, 200, 503, 503]


def test_a_user_with_all_workers_gives_half_to_another(directory: Path) -> None:
    require_root()
    with serving(directory, "work_s = 60.0") as service:
        wait_until(lambda: len(workers(service)) == 2)
        stopped = workers(service)
        kill(stopped, signal.SIGSTOP)
        ours = [Asking(service, TRANSLATE, domain(n)) for n in range(8)]
        time.sleep(0.2)
        for uid in (SOMEBODY, ANOTHER):
            body = domain(uid).decode()
            status, value = ask_as(service.socket, "POST", TRANSLATE, uid=uid, gid=uid, body=body, kind="text/xml")
            assert (status, value.get("detail")) == (200, None)
        # One of the two that stood still is there yet; nothing that it was asked is lost.
        assert sum(map(is_alive, stopped)) == 1
        kill([pid for pid in stopped if is_alive(pid)], signal.SIGCONT)
        for one in ours:
            one.join(PATIENCE)
        assert [one.reply.status for one in ours] == [200] * 8


@pytest.mark.fault("worker")
def test_workers_that_are_killed_under_load_lose_nothing(directory: Path) -> None:
    answers: list[int] = []

    def ask(number: int) -> None:
        with service.client() as client:
            for n in range(25):
                answers.append(client.post(TRANSLATE, domain(f"{number}-{n}")).status)

    with serving(directory, "work_s = 60.0") as service:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        killed = 0
        while any(thread.is_alive() for thread in threads):
            if len(answers) >= 12 * (killed + 1):
                kill(workers(service)[:1], signal.SIGKILL)
                killed += 1
            time.sleep(0.01)
        for thread in threads:
            thread.join(PATIENCE)
        assert killed > 5
        # A question whose worker is killed twice is given up, and told.
        assert len(answers) == 100
        assert set(answers) <= {200, 503}
        assert answers.count(200) >= 95
        with service.client() as client:
            assert client.post(TRANSLATE, domain("after")).status == 200


@pytest.mark.fault("worker")
def test_what_makes_them_is_replaced_too(directory: Path) -> None:
    with serving(directory) as service, service.client() as client:
        (nursery,) = (pid for pid in children_of(service.process.pid) if is_own(pid))
        gone = [nursery, *workers(service)]
        kill([nursery], signal.SIGKILL)
        wait_until(lambda: not any(is_alive(pid) for pid in gone[1:]))
        assert client.post(TRANSLATE, domain("b")).status == 200


def test_memory_of_a_question_is_bounded(directory: Path) -> None:
    with serving(directory, f"work_memory = {16 * MIB}", "workers = 1") as service, service.client() as client:
        reply = client.post(TRANSLATE, domain(devices="<disk/>" * 100_000))
        assert (reply.status, reply.value["type"]) in ((503, "urn:prober:work"), (400, "urn:prober:unreadable-domain"))
        reply = client.post(CHECK, b"qemu " + b"-device e1000,a=b " * 1900, "text/plain")
        assert reply.status in (200, 503)
        assert client.post(TRANSLATE, domain("b")).status == 200


def test_service_and_workers_fit_into_160_mib(directory: Path) -> None:
    with serving(directory, replies=FIXTURES) as service, service.client() as client:
        ids = [entry["id"] for entry in client.get("/v1/binaries").value["binaries"]]
        ids = [ident for ident in ids if ident.count("-") == 1]
        assert len(ids) == 4
        for number in range(40):  # both workers learn of all four
            for ident in ids:
                assert client.post(f"/v1/translate?binary={ident}", domain(number)).status in (200, 422)
        for name in ("cpuset", "quotes", "unknown elements"):
            client.post(HOSTILE[name][0], HOSTILE[name][1], HOSTILE[name][2] or "application/xml")
        wait_until(lambda: len(service.workers()) == 3)  # One may be in the making, in another's place.
        sizes = {pid: proportional_size(pid) for pid in (service.process.pid, *service.workers())}
        assert sum(sizes.values()) <= 160, sizes


@pytest.mark.fault("killed")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_of_a_service_that_ends(directory: Path, number: signal.Signals) -> None:
    """Also where a worker stands still."""
    with serving(directory, "work_s = 60.0") as service:
        left = service.workers()
        assert len(left) >= 2
        kill(workers(service)[:1], signal.SIGSTOP)
        asking = Asking(service, TRANSLATE, domain("b"))
        service.stop(number)
        wait_until(lambda: not any(map(is_alive, left)))
        asking.join(PATIENCE)


def test_terminal_that_interrupts_the_service_leaves_the_workers_to_it(directory: Path) -> None:
    with serving(directory) as service, service.client() as client:
        pids = service.workers()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            kill(pids, number)
        assert client.post(TRANSLATE, domain("b")).status == 200
        assert set(service.workers()) >= set(pids)  # One more may have come meanwhile.


def test_workers_hold_none_of_the_clients_sockets(directory: Path) -> None:
    with serving(directory) as service, Client(service.socket, timeout=PATIENCE) as client:
        assert client.get("/healthz").ok
        kill(workers(service)[:1], signal.SIGKILL)
        assert client.post(TRANSLATE, domain("b")).status == 200
        # One that was made a moment ago still has to close what its maker holds.
        wait_until(lambda: all(len(_held(pid)) == 1 for pid in service.workers()))


def _held(pid: int) -> list[str]:
    """The descriptors that a worker has beside its standard ones; none where it has ended."""
    try:
        return [name for name in os.listdir(f"/proc/{pid}/fd") if int(name) > 2]
    except FileNotFoundError:
        return []
