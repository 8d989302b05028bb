"""An event loop that tells which of its callbacks took long, for tests: uvloop's own, with a clock around each one.

What is measured is the processor time of the loop's thread, so that a busy machine makes no difference but that of
its caches, and never more of it than time has passed: in a virtual machine the clock of a thread's processor time was
seen to leap (Linux 6.18 under KVM: by 8.9 ms within 10 µs). Measured are the steps of tasks, what is called soon or
later, what waits for a descriptor, and what protocols are told; all that Python does on the loop is in one of these.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from pathlib import Path
from typing import Any, Protocol, TypeVar, TypeVarTuple

import uvloop

#: The variable of the environment that names a file: with it the loop is measured, and the file gets a line for each
#: callback that took longer than :data:`MOST_S`, behind a first one that says so.
VARIABLE = "PROBER_LOOP_CPU"
#: How long (seconds of the thread's processor time) a callback may take.
MOST_S = 0.005

_TOLD = ("connection_made", "data_received", "eof_received", "connection_lost", "pause_writing", "resume_writing")

P = TypeVar("P")
Ts = TypeVarTuple("Ts")


class _HasFileno(Protocol):
    def fileno(self) -> int: ...


class MeasuredLoop(uvloop.Loop):
    """uvloop's loop, which tells of each callback that takes too long."""

    def __init__(self) -> None:
        super().__init__()
        self._file = os.open(Path(os.environ[VARIABLE]), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._collecting = 0.0
        self._measured: set[type] = set()
        gc.callbacks.append(self._note_collection)
        self._tell(f"measuring, {os.getpid()}")

    def close(self) -> None:
        """As the loop does."""
        with suppress(ValueError):
            gc.callbacks.remove(self._note_collection)
        super().close()

    def _note_collection(self, phase: str, _: dict[str, int]) -> None:
        now = time.thread_time()
        self._collecting += now if phase == "stop" else -now

    def call_soon(self, callback: Callable[[*Ts], Any], *args: *Ts, context: Context | None = None) -> asyncio.Handle:
        """As the loop does, measured."""
        return super().call_soon(self._timed, callback, *args, context=context)

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], Any], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As the loop does, measured."""
        return super().call_soon_threadsafe(self._timed, callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[[*Ts], Any], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As the loop does, measured."""
        return super().call_later(delay, self._timed, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], Any], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As the loop does, measured."""
        return super().call_at(when, self._timed, callback, *args, context=context)

    def add_reader(self, fd: int | _HasFileno, callback: Callable[[*Ts], Any], *args: *Ts) -> None:
        """As the loop does, measured."""
        super().add_reader(fd, self._timed, callback, *args)

    def add_writer(self, fd: int | _HasFileno, callback: Callable[[*Ts], Any], *args: *Ts) -> None:
        """As the loop does, measured."""
        super().add_writer(fd, self._timed, callback, *args)

    async def create_unix_server(self, protocol_factory: Any, *args: Any, **more: Any) -> Any:
        """As the loop does, with protocols that are measured."""
        return await super().create_unix_server(self._making(protocol_factory), *args, **more)

    async def create_unix_connection(self, protocol_factory: Any, *args: Any, **more: Any) -> Any:
        """As the loop does, with a protocol that is measured."""
        return await super().create_unix_connection(self._making(protocol_factory), *args, **more)

    async def create_server(self, protocol_factory: Any, *args: Any, **more: Any) -> Any:
        """As the loop does, with protocols that are measured."""
        return await super().create_server(self._making(protocol_factory), *args, **more)

    def _making(self, factory: Callable[[], P]) -> Callable[[], P]:
        def make() -> P:
            protocol = factory()
            self._measure(type(protocol))
            return protocol

        return make

    def _measure(self, kind: type) -> None:
        """Measure what protocols of a kind are told.

        The class is changed and not each protocol: one that held a function around its own method would hold itself,
        and be left to the collector, whose time is measured here as well.
        """
        if kind in self._measured:
            return
        self._measured.add(kind)
        for name in _TOLD:
            if (method := getattr(kind, name, None)) is not None:
                setattr(kind, name, self._around(method))

    def _around(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            return self._timed(method, *args)

        return call

    def _timed(self, callback: Callable[..., Any], *args: Any) -> Any:
        before, began, began_at = self._collecting, time.thread_time(), time.monotonic()
        try:
            return callback(*args)
        finally:
            took = min(time.thread_time() - began, time.monotonic() - began_at)
            if took > MOST_S:
                collecting = (self._collecting - before) * 1000
                self._tell(f"{took * 1000:.1f} ms: {_name_of(callback)}, {collecting:.1f} of it by the collector")

    def _tell(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())


def _name_of(callback: Callable[..., Any]) -> str:
    """What was called; of a task its coroutine, and where that stands now."""
    owner = getattr(callback, "__self__", None)
    if not isinstance(owner, asyncio.Task):
        return repr(callback)
    return f"{owner.get_name()} {owner!r} {owner.get_stack(limit=1)}"
