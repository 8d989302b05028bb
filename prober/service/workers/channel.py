"""The service's line to one worker."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from typing import Any, cast
from weakref import ref

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.slices import dump_slices
from prober.commandline.kept import KeptPerBinary
from prober.qemu.finishing import uncancelled
from prober.service.workers.start import Hatched
from prober.service.workers.wire import BrokenFrameError, FrameReader, WorkerFrame, pack

#: No answer has more bytes than this: those to clients are bounded by who makes them.
_MOST_ANSWER = 64 << 20

#: A worker knows so many binaries at most.
_MOST_KNOWN = 8

#: How long (seconds) one that is told to end may take: it stops the QEMUs that it asks.
_GRACE = 2.0

_counter = count()

#: The number of each binary's capabilities, by which workers know them.
_numbers: KeptPerBinary[int] = KeptPerBinary(lambda: next(_counter))


class WorkerGoneError(Exception):
    """The worker has ended, whatever ended it."""


class WorkerChannel(asyncio.Protocol):
    """One worker.  It is asked one question at a time."""

    def __init__(self, hatched: Hatched) -> None:
        self.pid = hatched.pid
        self._pidfd = hatched.pidfd
        self._reader = FrameReader(_MOST_ANSWER)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[WorkerFrame] | None = None
        self._known: dict[int, ref[Capabilities]] = {}
        #: What it said before anybody listened.
        self._early: WorkerFrame | None = None
        #: Whether it has gone, whether it is to be asked no more, and whether it has yet to answer.
        self.is_gone = False
        self.is_last = False
        self.is_asked = False

    @classmethod
    async def open(cls, hatched: Hatched) -> WorkerChannel:
        """The line to a worker that was just made."""
        channel = cls(hatched)
        loop = asyncio.get_running_loop()
        try:
            await loop.create_unix_connection(lambda: channel, sock=hatched.line)
        except BaseException:
            channel.kill()
            hatched.line.close()
            raise
        return channel

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line is there."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own has no such base.

    def data_received(self, data: bytes) -> None:
        """Some of an answer came."""
        self._reader.feed(data)
        try:
            frame = self._reader.take()
        except BrokenFrameError:
            self.kill()
            return
        if frame is not None:
            self.is_asked = False
            self.is_last |= bool(frame.head.get("last"))
            if self._answer is None:
                self._early = frame
            elif not self._answer.done():
                self._answer.set_result(frame)

    def connection_lost(self, exc: Exception | None) -> None:
        """The worker has closed its end: it has ended, or soon will."""
        self._be_gone()

    def kill(self) -> None:
        """End it at once; who waits for its answer is told.  May be called twice."""
        if self._pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            os.close(self._pidfd)
            self._pidfd = -1
        if self._transport is not None:
            self._transport.abort()
        self._be_gone()

    def _be_gone(self) -> None:
        self.is_gone = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(WorkerGoneError())

    async def listen(self) -> WorkerFrame:
        """What it says next, unasked.

        :raise WorkerGoneError: where it ends before that.
        """
        if self.is_gone:
            raise WorkerGoneError
        self._answer = asyncio.get_running_loop().create_future()
        if (frame := self._early) is not None:
            self._answer.set_result(frame)
        try:
            return await self._answer
        finally:
            self._answer = None

    async def end(self) -> None:
        """Have it end by itself, and kill it where it does not.  It has ended then, also where we are cancelled."""
        await uncancelled(self._end())

    async def _end(self) -> None:
        if self._transport is not None:
            self._transport.close()
        if self._pidfd < 0:
            return
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._pidfd, ended.set)
        try:
            async with asyncio.timeout(_GRACE):
                await ended.wait()
        except TimeoutError:
            pass
        finally:
            loop.remove_reader(self._pidfd)
            self.kill()

    async def ask(self, head: Mapping[str, Any], body: bytes, capabilities: Capabilities | None) -> WorkerFrame:
        """Its answer; of a binary's capabilities it is told first, where it does not know them.

        :raise WorkerGoneError: where it ends before that.
        """
        self.is_asked = True
        number = None if capabilities is None else await self._teach(capabilities)
        self._answer = asyncio.get_running_loop().create_future()
        try:
            self._write(WorkerFrame({**head, "caps": number}, body))
            return await self._answer
        finally:
            self._answer = None

    async def _teach(self, capabilities: Capabilities) -> int:
        """The number by which the worker knows these capabilities."""
        number = _numbers.of(capabilities)
        known = self._known.pop(number, None)
        if known is not None:
            self._known[number] = known  # as the one that was wanted last
            return number
        dead = [key for key, one in self._known.items() if one() is None]
        living = [key for key in self._known if key not in dead]
        dropped = [*dead, *living[: max(0, len(living) - _MOST_KNOWN + 1)]]
        for key in dropped:
            del self._known[key]
        self._write(WorkerFrame({"forget": dropped}))
        for piece in dump_slices(capabilities):
            self._write(WorkerFrame({"slice": number}, piece))
            await asyncio.sleep(0)  # Others have their turn.
        self._write(WorkerFrame({"slice": number}))
        self._known[number] = ref(capabilities)
        return number

    def _write(self, frame: WorkerFrame) -> None:
        if self.is_gone or self._transport is None or self._transport.is_closing():
            raise WorkerGoneError
        self._transport.write(pack(frame))
