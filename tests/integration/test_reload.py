"""A service that reads its settings anew (SIGHUP), and one that the watchdog would end: real processes."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from prober.service.client import Client
from tests.fakes.making import make_fake
from tests.integration.processes import PATIENCE, wait_until
from tests.integration.service_process import Service, start_ready_service, told_so_far, wait_for_state
from tests.proc import is_alive, state_of
from tests.recordings import FIXTURES

REPLIES = FIXTURES / "qemu-7.2.22.replies.xz"


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with a short path, as that of a socket has at most 107 bytes, and without any QEMU."""
    return tmp_path_factory.mktemp("reload")


class Configured:
    """A service whose settings are in a file of ours."""

    service: Service

    def __init__(self, file: Path) -> None:
        self.file = file

    def write(self, top: str = "", catalog: str = "") -> None:
        """Write the settings; none but these."""
        none = self.file.parent / "none"
        usual = f'poll_s = 60.0\ndirectories = ["{none}"]\nqemu_kvm = ""'
        self.file.write_text(f"{top}\n[catalog]\n{usual}\n{catalog}\n[catalog.limits]\ngreet_s = {PATIENCE}\n")

    def reload(self) -> list[str]:
        """Send SIGHUP; what systemd is told until it is told that the service is ready, a line each."""
        self.service.process.send_signal(signal.SIGHUP)
        told: list[str] = []
        self.service.notifications.settimeout(PATIENCE)
        while "READY=1" not in told:
            told += self.service.notifications.recv(4096).decode().split("\n")
        return told

    def ids(self, client: Client) -> set[str]:
        """The binaries that it has."""
        return {entry["id"] for entry in client.get("/v1/binaries").value["binaries"]}


@contextmanager
def configured(directory: Path, top: str = "", catalog: str = "", **more: Any) -> Iterator[Configured]:
    """A service with settings in a file."""
    file = directory / "prober.toml"
    made = Configured(file)
    made.write(top, catalog)
    with start_ready_service(directory, "--config", file, **more) as service:
        made.service = service
        yield made


def test_a_catalog_changes_under_a_client_that_stays(directory: Path) -> None:
    """Found and dropped, while one connection is held and an interview goes on."""
    silent = make_fake(directory, "silent")
    (directory / "other").mkdir()
    with configured(directory, catalog=f'paths = ["{silent}"]') as made, made.service.client() as client:
        wait_until(lambda: _asked(made.service, silent))
        asked = _asked(made.service, silent)
        assert made.ids(client) == {silent.name}
        (held,) = _sockets_of(client)
        made.write(catalog=f'paths = ["{silent}"]\nrecordings = ["{REPLIES}"]\nmax_interviews = 3')
        told = made.reload()
        assert told[0] == "RELOADING=1"
        assert int(told[1].removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
        assert told[-1] == "STATUS=Serving 2 binaries"
        assert made.ids(client) == {silent.name, "qemu-7.2.22"}
        assert client.get("/v1/binaries/qemu-7.2.22").value["state"] == "ready"
        assert set(asked) <= set(_asked(made.service, silent)), "the interview was under way, and goes on"
        made.write(catalog=f'recordings = ["{REPLIES}"]')
        made.reload()
        assert made.ids(client) == {"qemu-7.2.22"}
        wait_until(lambda: not any(map(is_alive, asked)))
        assert _sockets_of(client) == [held], "it was never connected anew"
        assert made.service.stop()[0] == 0
        assert "Traceback" not in made.service.printed()


def _asked(service: Service, binary: Path) -> list[int]:
    """The processes that are asked: not those that try a box."""
    return [pid for pid in service.qemus() if f"{binary}\0-" in (said := _command(pid)) and "bwrap" not in said]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _sockets_of(client: Client) -> list[socket.socket]:
    return [value for value in vars(client).values() if isinstance(value, socket.socket)]


def test_wrong_settings_leave_all_as_it_was(directory: Path) -> None:
    wrong = (
        ("", "max_interviews = 0", "prober.toml:6: catalog.max_interviews: it has to be greater than 0, not 0"),
        ("sokcet = '/a'", "", "prober.toml:1: sokcet: there is no such setting (did you mean socket?)"),
        ("socket =", "", "prober.toml:1: cannot read the settings: this is no TOML"),
        ("admin_group = 'no-such-group'", "", "there is no group 'no-such-group'"),
        ("host = '/nonexistent/host.toml'", "", "cannot read the settings in /nonexistent/host.toml"),
    )
    with configured(directory, catalog=f'recordings = ["{REPLIES}"]') as made, made.service.client() as client:
        for top, catalog, said in wrong:
            made.write(top, catalog)
            told = made.reload()
            assert told[0] == "RELOADING=1"
            assert told[-1].startswith("STATUS=The settings are as they were: ")
            assert said in told[-1]
            assert said in made.service.printed()
            assert made.ids(client) == {"qemu-7.2.22"}
        # And it is no dead end.
        made.write(catalog="")
        assert made.reload()[-1] == "STATUS=Serving 0 binaries"
        assert made.ids(client) == set()


def test_what_takes_a_restart_is_named(directory: Path) -> None:
    with configured(directory, "max_body = 2048") as made, made.service.client() as client:
        assert client.post("/v1/translate", b"<domain/>" + b" " * 4000).status == 413
        made.write("mode = 0o600\ngroup = 'daemon'\nmax_body = 8192")
        told = made.reload()
        assert told[-1] == "STATUS=Serving 0 binaries; restart to change group, mode"
        assert made.service.socket.stat().st_mode & 0o777 == 0o660
        assert client.post("/v1/translate", b"<domain/>" + b" " * 4000).status != 413


def test_the_metrics_tell_of_the_workers_that_hold_now(directory: Path) -> None:
    with configured(directory, "workers = 1") as made, made.service.client() as client:
        assert b"\nprober_workers 1.0\n" in client.fetch("/metrics")[1]
        made.write("workers = 3")
        made.reload()
        assert b"\nprober_workers 3.0\n" in client.fetch("/metrics")[1]


def test_the_host_is_read_anew(directory: Path) -> None:
    host = directory / "host.toml"
    host.write_text("")
    domain = b"""<domain type="qemu"><name>vm</name><memory>262144</memory><os><type machine="pc">hvm</type></os>
      <devices><serial type="unix"><source mode="bind" path="/run/vm.sock"/></serial></devices></domain>"""
    more = f'recordings = ["{REPLIES}"]'
    with configured(directory, f"host = '{host}'", more) as made, made.service.client() as client:
        assert "path=/run/vm.sock" not in " ".join(client.post("/v1/translate", domain).value["argv"])
        host.write_text("[settings]\npass_descriptors = false\n")
        made.reload()
        assert "path=/run/vm.sock" in " ".join(client.post("/v1/translate", domain).value["argv"])


def test_many_signals_at_once_end_with_the_last_settings(directory: Path) -> None:
    with configured(directory) as made, made.service.client() as client:
        for number in range(1, 6):
            copy = directory / f"r{number}.replies.xz"
            copy.write_bytes(REPLIES.read_bytes())
            made.write(catalog=f'recordings = ["{copy}"]')
            made.service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: made.ids(client) == {"r5"})
        assert made.service.process.poll() is None


def test_the_environment_stands_over_the_file_and_below_the_command_line(directory: Path) -> None:
    told = {"PROBER_CATALOG__RECORDINGS": str(REPLIES), "PROBER_SOCKET": "/nonexistent/s.sock"}
    with configured(directory, catalog="recordings = []", environment=told) as made, made.service.client() as client:
        assert made.ids(client) == {"qemu-7.2.22"}


def test_the_watchdog_is_told_that_all_is_well(directory: Path) -> None:
    with configured(directory, environment={"WATCHDOG_USEC": "200000"}) as made:
        for _ in range(3):
            wait_for_state(made.service.notifications, "WATCHDOG=1", made.service.process, made.service.log)
        # One that does not run says nothing.
        made.service.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: state_of(made.service.process.pid) == "T")
        told_so_far(made.service.notifications)
        time.sleep(0.5)
        assert told_so_far(made.service.notifications) == []
        made.service.process.send_signal(signal.SIGCONT)
        wait_for_state(made.service.notifications, "WATCHDOG=1", made.service.process, made.service.log)
