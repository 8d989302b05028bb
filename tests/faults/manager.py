"""A manager of services, as systemd is one: it holds the socket, and starts what serves on it again and again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.processes import PATIENCE, PROBER
from tests.integration.service_process import wait_for_state

#: Its own number is known to a process alone; the socket is handed over as the first descriptor (sd_listen_fds(3)).
_HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="prober.socket")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Manager:
    """Holds a listening socket, and starts ``prober serve`` on it; whatever is left of that at the end is killed."""

    def __init__(self, directory: Path, *options: object) -> None:
        self.socket = directory / "activated.sock"
        self.log = directory / "log"
        self._directory = directory
        self._options = options
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.socket))
        self._listener.listen(4096)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        notify = self._directory / "notify"
        notify.unlink(missing_ok=True)
        command = [PROBER, "serve", "--config", "/dev/null", "--socket", "/nonexistent/unused.sock", "--quiet"]
        command += ["--cache", str(self._directory / "cache"), "--prover-socket", "", *map(str, self._options)]
        number = self._listener.fileno()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told, self.log.open("ab") as stream:
            told.bind(str(notify))
            self._process = subprocess.Popen(
                [sys.executable, "-c", _HAND_OVER, str(number), *command],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                pass_fds=(number,),
                cwd=self._directory,
                env={**os.environ, "NOTIFY_SOCKET": str(notify)},
            )
            wait_for_state(told, "READY=1", self._process, self.log)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """End it; its exit status, and how long (seconds) that took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(number)
        status = self._process.wait(PATIENCE)
        self._process = None
        return status, time.monotonic() - began

    def close(self) -> None:
        """No process and no socket is left."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
        self._listener.close()
        self.socket.unlink()


@contextmanager
def managed(directory: Path, *options: object) -> Iterator[Manager]:
    """A manager whose service is ready."""
    manager = Manager(directory, *options)
    try:
        manager.start()
        yield manager
    finally:
        manager.close()
