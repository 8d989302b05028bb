"""The service's side of the nursery: how it is started, and how it is asked for a worker.

``run`` forks it before there is a thread or an event loop, so that it shares what the service has imported; where that
is too late (a test, or a nursery that was killed) it is a Python of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple, Self

from prober.errors import WorkError
from prober.qemu.finishing import uninterrupted
from prober.service.workers.nursery import ENDS, run_nursery

#: How long (seconds) a worker may take to be there; the first waits for the pipeline to be imported.
_PATIENCE = 60.0

#: How long (seconds) the nursery may take to end what it made, and itself.
_GRACE = 2.0

_MOST_TOLD = 65536


class Hatched(NamedTuple):
    """A worker: our end of its socket, a pidfd (by which it is killed, and nobody else), and its number."""

    line: socket.socket
    pidfd: int
    pid: int


class Nursery:
    """Gives workers.  Made by :meth:`fork` or :meth:`spawn`; closed by whoever made it.  May be used by any thread."""

    def __init__(self, control: socket.socket | None, pid: int | None) -> None:
        self._control = control
        #: The process that makes them, None while there is none.
        self.pid = pid
        self._is_closed = False
        # One thread for all that waits, which lives as long as this: what it starts dies with it (PR_SET_PDEATHSIG).
        self._thread = ThreadPoolExecutor(1, "nursery")

    @classmethod
    def fork(cls) -> Self:
        """Fork it.  Only for a process that has no second thread.

        :raise OSError: where no process can be had.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        parent = os.getpid()
        with uninterrupted():
            pid = os.fork()
        if pid == 0:
            run_nursery(theirs, parent)
        theirs.close()
        return cls(ours, pid)

    @classmethod
    def spawn(cls) -> Self:
        """One that is started when the first worker is wanted."""
        return cls(None, None)

    async def hatch(self, told: Mapping[str, Any]) -> Hatched:
        """A new worker, which is told these things (:func:`prober.service.workers.child.work_for`).

        Where the nursery has gone another one is started.

        :raise WorkError: where no process can be had, or what it needs cannot be loaded.
        """
        made = self._thread.submit(self._hatch, told)
        try:
            return await asyncio.wrap_future(made)
        except asyncio.CancelledError:
            made.add_done_callback(_discard)
            raise

    def _hatch(self, told: Mapping[str, Any]) -> Hatched:
        for is_last in (False, True):
            if self._is_closed:
                raise WorkError("the service is being stopped")
            try:
                if self._control is None:
                    self._start()
                return self._ask(told)
            except OSError as error:
                # Anything else, as that there is no descriptor left, is no fault of the nursery's.
                is_its = isinstance(error, ConnectionError | TimeoutError)
                if is_its:
                    self._end()
                if is_last or not is_its:
                    raise WorkError(f"no worker can be had: {error.strerror or error}") from error
        raise AssertionError

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # -P: nothing is imported from the directory that we happen to be in.
            command = [sys.executable, "-P", "-m", "prober.service.workers.nursery", str(theirs.fileno())]
            try:
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),))  # noqa: S603
            except BaseException:
                ours.close()
                raise
        process.returncode = 0  # It is waited for below, by its number.
        self._control, self.pid = ours, process.pid

    def _ask(self, told: Mapping[str, Any]) -> Hatched:
        assert self._control is not None
        self._control.settimeout(_PATIENCE)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with theirs:
                socket.send_fds(self._control, [json.dumps(told).encode()], [theirs.fileno()])
            answer, descriptors, _, _ = socket.recv_fds(self._control, _MOST_TOLD, 1)
            if not answer:
                raise ConnectionError("the process that makes them has gone")
            said = json.loads(answer)
            if not descriptors:
                raise WorkError(f"no worker can be had: {said.get('error')}")
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        return Hatched(ours, descriptors[0], said["pid"])

    def close(self) -> None:
        """End it, and with it all workers, whatever they are at.  Blocks for a moment.  May be called twice."""
        self._is_closed = True
        control = self._control
        if control is not None:
            with suppress(OSError):
                control.shutdown(socket.SHUT_RDWR)  # Whoever waits for a worker is told.
        self._thread.shutdown(cancel_futures=True)
        self._end()

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self.pid is None:
            return
        pid, self.pid = self.pid, None
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, ENDS)  # Also while it imports, which takes seconds: it would not hear that we have closed.
            if not _has_ended(pid):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _has_ended(pid: int) -> bool:
    """Wait a moment for our child to end; it is reaped then."""
    pidfd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        if not poll.poll(_GRACE * 1000):
            return False
    finally:
        os.close(pidfd)
    os.waitpid(pid, 0)
    return True


def _discard(made: Future[Hatched]) -> None:
    """Nobody waits any more for a worker that was made; it ends as its line does."""
    if not made.cancelled() and made.exception() is None:
        hatched = made.result()
        hatched.line.close()
        os.close(hatched.pidfd)
