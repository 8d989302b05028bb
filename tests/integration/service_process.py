"""The service as systemd starts it: a process that says when it is ready, with a client beside it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from prober.service.client import Client
from prober.service.measured import VARIABLE
from tests.integration.processes import PATIENCE, PROBER
from tests.measured_twice import HeldLoop
from tests.proc import descendants_of, name_of, seconds_without_processor

#: A field is called ``socket`` below, so the class has another name here.
Datagrams: TypeAlias = socket.socket


@dataclass
class Service:
    """A service that is ready.  ``start_s`` is the time from its start until it said so."""

    process: subprocess.Popen[bytes]
    socket: Path
    log: Path
    notifications: Datagrams
    start_s: float

    def client(self) -> Client:
        """A client of it."""
        return Client(self.socket, timeout=PATIENCE)

    def printed(self) -> str:
        """What it logged so far."""
        return self.log.read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; the exit status, and the seconds until it was gone.

        Those that it was ready to run and waited for a processor are left out: they are the machine's, not its own.
        """
        began, without_processor = time.monotonic(), seconds_without_processor(self.process.pid)
        self.process.send_signal(number)
        while os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            assert time.monotonic() - began < PATIENCE, self.printed()
            time.sleep(0.005)
        # Not reaped yet, so that its numbers are still to be read.
        without_processor = seconds_without_processor(self.process.pid) - without_processor
        return self.process.wait(), time.monotonic() - began - without_processor

    def qemus(self) -> list[int]:
        """The processes that it started and that are alive, but for its own workers and what makes these."""
        return [pid for pid in descendants_of(self.process.pid) if not is_own(pid)]

    def workers(self) -> list[int]:
        """Its workers that are alive, and what makes them."""
        return [pid for pid in descendants_of(self.process.pid) if is_own(pid)]


def is_own(pid: int) -> bool:
    """Whether a process is a worker of a service, or what makes these (:mod:`prober.service.workers`)."""
    return name_of(pid) in ("prober-nursery", "prober-worker", "prober-asking")


#: How long (milliseconds of processor time) a callback may take.  Where tests run side by side, what others do to the
#: processors' caches makes the same work take up to twice as long.
MOST_MS = 10.0 if "PYTEST_XDIST_WORKER" in os.environ else 5.0


@contextmanager
def start_ready_service(
    directory: Path,
    *options: object,
    before: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    prober: str = PROBER,
    measured: bool = True,
    shared: bool = False,
) -> Iterator[Service]:
    """``prober serve`` with its socket, cache and log in the directory, once it has notified that it is ready.  It
    proves in its own process.

    ``before`` stands before the command (``setpriv …``), ``prober`` is the command itself.  It is killed at the end,
    if it is still there.  Where ``measured``, each callback of its event loop is (:mod:`prober.service.measured`): at
    the end none may have taken more than :data:`MOST_MS` of processor time.  ``shared`` is for one that several tests
    have, which are not run again for it (:mod:`tests.measured_twice`).

    :raise HeldLoop: where one did.
    :raise AssertionError: where one of a shared service did.
    """
    path, log, notify, held = (directory / name for name in ("s.sock", "log", "notify", "loop"))
    measuring = {VARIABLE: str(held)} if measured and prober == PROBER else {}
    held.unlink(missing_ok=True)
    notify.unlink(missing_ok=True)
    command = [prober, "serve", "--config", "/dev/null", "--socket", path, "--cache", directory / "cache"]
    # The command of an earlier commit knows no prover.
    command += [*(["--prover-socket", ""] if prober == PROBER else []), *options]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications, log.open("ab") as stream:
        notifications.bind(str(notify))
        notifications.settimeout(PATIENCE)
        began = time.monotonic()
        process = subprocess.Popen(
            [*before, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env={**os.environ, "NOTIFY_SOCKET": str(notify), **measuring, **(environment or {})},
            cwd=directory,
        )
        try:
            wait_for_state(notifications, "READY=1", process, log)
            yield Service(process, path, log, notifications, time.monotonic() - began)
        finally:
            process.kill()
            process.wait(PATIENCE)
    if measuring:
        first, *others = held.read_text().splitlines()
        assert first == f"measuring, {process.pid}"
        too_long = [line for line in others if float(line.partition(" ms: ")[0]) > MOST_MS]
        if too_long:
            raise (AssertionError if shared else HeldLoop)("these held the event loop:\n" + "\n".join(too_long))


def wait_for_state(notifications: socket.socket, state: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the service notifies a state."""
    notifications.settimeout(0.1)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if state in notifications.recv(4096).decode().split("\n"):
                return
        except TimeoutError:
            assert process.poll() is None, f"it ended early:\n{log.read_text()}"
            assert time.monotonic() < deadline, f"no {state}:\n{log.read_text()}"


def told_so_far(notifications: socket.socket) -> list[str]:
    """All that a service has notified and nobody has read, a line each."""
    notifications.setblocking(False)
    told: list[str] = []
    with suppress(BlockingIOError):
        while True:
            told += notifications.recv(4096).decode().split("\n")
    return told
