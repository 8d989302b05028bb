"""One QEMU process: started, watched, killed with its whole group, and reaped, whatever happens.

The end of the process is told by a pidfd that the event loop watches.  That works alike with asyncio's and
uvloop's loop, in any thread, without SIGCHLD and without a thread that waits.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress

from prober.errors import LaunchError
from prober.qemu.box.guard import ENDS
from prober.qemu.box.judged import ask_for_credentials, sender_of
from prober.qemu.finishing import uncancelled
from prober.qemu.launch import Launch, spawn

_CHUNK = 65536

#: How long the processes of a box may take to be gone when it was killed (seconds): a few milliseconds do.
_BOX_GONE_S = 2.0


class Process:
    """A running QEMU.  Made by :func:`start_process` only, which also ends it.

    ``qmp`` is our end of the socketpair; whoever reads and writes it must be done before the process is ended.
    ``exited`` becomes the return code (minus the signal's number) once the process is reaped; of a QEMU in a box it is
    QEMU's own.  ``judged_pid`` is the process that really answers, in our numbers, once :meth:`find_judged` has told;
    ``pid`` is only what was started, which may be the guard of a box or a wrapper around it.
    """

    def __init__(self, launch: Launch, stderr_bytes: int) -> None:
        self.launch = launch
        self._stderr_bytes = stderr_bytes
        self._tail = b""
        self._loop = asyncio.get_running_loop()
        self._silent = asyncio.Event()
        self.judged_pid: int | None = None
        self.exited: asyncio.Future[int] = self._loop.create_future()
        self.qmp, self._stderr, self._popen = _launch(launch)
        self._watch()

    def _watch(self) -> None:
        try:
            self._pidfd = os.pidfd_open(self._popen.pid)
        except OSError as error:
            self._kill()
            self._popen.wait()
            self.qmp.close()
            os.close(self._stderr)
            raise LaunchError(f"cannot watch a process: pidfd_open: {error.strerror}") from error
        self._loop.add_reader(self._pidfd, self._on_exit)
        self._loop.add_reader(self._stderr, self._on_stderr)

    @property
    def pid(self) -> int:
        """The process, and its group and session."""
        return self._popen.pid

    @property
    def stderr(self) -> str:
        """The end of what it wrote to standard error."""
        return self._tail.decode(errors="replace").strip()

    def _kill(self, *, anyway: bool = False) -> None:
        # The numbers of process and group are ours as long as the process is not reaped: they cannot hit a stranger.
        if self._popen.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                if self.launch.is_guarded and not anyway:
                    os.kill(self._popen.pid, ENDS)
                else:
                    os.killpg(self._popen.pid, signal.SIGKILL)

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self._kill(anyway=True)  # what it leaves behind in its group
        code = self._popen.poll()
        self._on_stderr()
        with suppress(OSError):
            # What it said is still read to its end, and then there is an end: a process that escaped from
            # the group may hold the other end open for ever.
            self.qmp.shutdown(socket.SHUT_RD)
        if not self.exited.done():
            # None: somebody else reaped it, against all rules; then its status is lost.
            self.exited.set_result(-signal.SIGKILL if code is None else self.launch.status(code))

    def _on_stderr(self) -> None:
        try:
            data = os.read(self._stderr, _CHUNK)
        except BlockingIOError:
            return
        if data:
            self._tail = (self._tail + data)[-self._stderr_bytes :]
        else:
            self._loop.remove_reader(self._stderr)
            self._silent.set()

    async def find_judged(self) -> int | None:
        """Wait for the first that is sent, and tell which process sent it; None where it ended or hung up instead.

        To be called before anything is read from ``qmp``, which stays to be read.  How long that may take is the
        caller's to bound.
        """
        if self.judged_pid is None:
            readable = asyncio.Event()
            self._loop.add_reader(self.qmp, readable.set)
            try:
                await readable.wait()  # at the latest when the process ends
                self.judged_pid = sender_of(self.qmp)
            except OSError:
                return None
            finally:
                self._loop.remove_reader(self.qmp)
        return self.judged_pid

    def kill(self) -> None:
        """Kill the process and its group, now.  It is reaped by :func:`start_process`."""
        self._kill()

    async def _reap(self) -> None:
        self._kill()
        if self.launch.is_guarded:
            await asyncio.wait({self.exited}, timeout=_BOX_GONE_S)
            self._kill(anyway=True)
        await self.exited
        if self.launch.box is not None:
            # Those inside die when their box does, and are not ours to reap: all of them hold our standard error.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._silent.wait(), _BOX_GONE_S)
        self._loop.remove_reader(self._stderr)
        os.close(self._stderr)
        os.close(self._pidfd)
        self.qmp.close()


def _launch(launch: Launch) -> tuple[socket.socket, int, subprocess.Popen[bytes]]:
    """Our end of the connection, the end of its standard error, and the process; or nothing at all.

    :raise LaunchError: where it cannot be started, also for want of descriptors.
    """
    with ExitStack() as ours, ExitStack() as theirs:
        try:
            qmp, their_qmp = socket.socketpair()
            ours.enter_context(qmp)
            theirs.enter_context(their_qmp)
            ask_for_credentials(qmp)
            stderr, their_stderr = os.pipe2(os.O_CLOEXEC)
            ours.callback(os.close, stderr)
            theirs.callback(os.close, their_stderr)
        except OSError as error:
            raise LaunchError(f"cannot start {launch.binary}: {error.strerror}") from error
        qmp.setblocking(False)
        os.set_blocking(stderr, False)
        popen = spawn(launch, their_qmp, their_stderr)
        ours.pop_all()
        return qmp, stderr, popen


@asynccontextmanager
async def start_process(launch: Launch, stderr_bytes: int) -> AsyncIterator[Process]:
    """A QEMU process that is killed and reaped when the block ends, in whatever way.

    :raise LaunchError: where it cannot be started.
    """
    process = Process(launch, stderr_bytes)
    try:
        yield process
    finally:
        await uncancelled(process._reap())
