"""A QEMU process and the QMP session with it, as one thing that is started, talked to, and ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from time import perf_counter

from prober.errors import ConfinementError, ExitedError, QemuError, QemuTimeoutError
from prober.qemu.box.model import Box
from prober.qemu.connection import ByteBudget, QmpConnection
from prober.qemu.ended import signal_of
from prober.qemu.finishing import uncancelled
from prober.qemu.launch import Launch
from prober.qemu.limits import InterviewLimits
from prober.qemu.mapping import is_closed, mapped, may_be_last_words
from prober.qemu.process import Process, start_process
from prober.qemu.questions import Question
from prober.qemu.recording import Exchange

#: A QEMU whose connection ended, or that speaks no JSON any more, is dead or dies within this time (seconds);
#: else it only hung up or talks nonsense.
_GRACE_S = 1.0


class Session:
    """Made by :func:`start_session`.  ``launch_s`` and ``greet_s`` are what starting it took (seconds).

    Whoever asks it keeps account of its modules: ``loads_modules`` is whether it was told to load them,
    ``has_modules`` whether it has.
    """

    def __init__(self, process: Process, connection: QmpConnection, launch_s: float) -> None:
        self._process = process
        self._connection = connection
        self.launch_s = launch_s
        self.greet_s = 0.0
        self.loads_modules = False
        self.has_modules = False

    @property
    def pid(self) -> int:
        """The process that was started: QEMU, or its box or wrapper."""
        return self._process.pid

    @property
    def judged_pid(self) -> int:
        """The process that greeted, in our numbers: QEMU itself, also inside of a box or behind a wrapper."""
        return self._process.judged_pid or 0

    @property
    def box(self) -> Box | None:
        """What it is confined by."""
        return self._process.launch.box

    @property
    def stderr(self) -> str:
        """The end of what it wrote to standard error so far."""
        return self._process.stderr

    @property
    def greeting(self) -> Exchange:
        """The ``qmp_capabilities`` that began the session."""
        assert self._connection.greeted is not None
        return self._connection.greeted

    @property
    def unanswered(self) -> list[Question]:
        """What was asked and not answered, the oldest first."""
        return self._connection.unanswered

    def pump(self) -> None:
        """See whether there is something to ask again."""
        self._connection.pump()

    def attach(self, descriptor: int) -> None:
        """Have what is asked next take a descriptor along (see :meth:`QmpConnection.attach`)."""
        self._connection.attach(descriptor)

    async def converse(
        self,
        take: Callable[[], Question | None],
        answered: Callable[[Question, Exchange], None],
        over: asyncio.Future[None],
    ) -> None:
        """Ask and answer until ``over`` is done (see :meth:`QmpConnection.converse`).

        :raise ExitedError: when the process ended.
        :raise QemuError: for all else that it does wrong.
        """
        try:
            await self._connection.converse(take, answered, over)
        except Exception as error:
            raise await self._explained(error) from error

    async def _greet(self, limit: float) -> None:
        started = perf_counter()
        try:
            async with asyncio.timeout(limit) as deadline:
                await self._process.find_judged()
                await self._connection.greet()
        except Exception as error:
            if deadline.expired():
                text = f"{self._process.launch.binary} did not greet within {limit:g} s"
                raise QemuTimeoutError(text, hint="the limit is greet_s", stderr=self._process.stderr) from error
            raise await self._explained(error) from error
        self.greet_s = perf_counter() - started

    async def _explained(self, error: Exception) -> BaseException:
        """Our error for one of the connection; where that ended because the process did, how it did."""
        process = self._process
        closed = is_closed(error)
        if closed or may_be_last_words(error):
            await asyncio.wait({process.exited}, timeout=_GRACE_S)
            # After nonsense only a signal counts: a process may well exit because we hung up on it.
            if process.exited.done() and (closed or process.exited.result() < 0):
                if process.launch.box is not None and process.launch.box.complains(process.stderr):
                    text = f"cannot start {process.launch.binary} in a box: {process.stderr}"
                    return ConfinementError(text, stderr=process.stderr)
                code = process.exited.result()
                said = how_it_ended(code, process.stderr)
                return ExitedError(f"{process.launch.binary} ended: {said}", returncode=code, stderr=process.stderr)
        ours = mapped(error, process.launch.binary)
        if isinstance(ours, QemuError) and not ours.stderr:
            ours.stderr = process.stderr
        return ours

    async def _hang_up(self) -> None:
        # The process is killed by now: nothing is flushed, nobody waits for the other end.
        writer = self._connection._writer
        if writer is not None:
            writer.transport.abort()
        with suppress(Exception):  # why the session ended was told by converse() or _greet()
            await self._connection.disconnect()


@asynccontextmanager
async def start_session(launch: Launch, limits: InterviewLimits, budget: ByteBudget) -> AsyncIterator[Session]:
    """A QEMU that has greeted; killed and reaped when the block ends, in whatever way.

    :raise QemuError: where it cannot be started or does not greet.
    """
    started = perf_counter()
    async with start_process(launch, limits.stderr_bytes) as process:
        connection = QmpConnection(launch.binary, process.qmp, limits, budget)
        session = Session(process, connection, perf_counter() - started)
        try:
            await session._greet(limits.greet_s)
            yield session
        finally:
            process.kill()
            await uncancelled(session._hang_up())


def how_it_ended(returncode: int, stderr: str) -> str:
    """``SIGABRT: last line of standard error``, or ``exit status 1: …``."""
    how = signal_of(returncode) or f"exit status {returncode}"
    lines = [line for line in stderr.splitlines() if line.strip()]
    return f"{how}: {lines[-1].strip()}" if lines else how
