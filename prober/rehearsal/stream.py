"""The state of a paused guest on its way from one machine to the other, through a pipe between the two."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from pydantic import JsonValue

from prober.qemu.questions import Question
from prober.rehearsal.pair import PairSide, SideEnded

#: What a descriptor is called that QEMU is handed.
_NAME = "prober-state"
_URI: Mapping[str, JsonValue] = {"uri": f"fd:{_NAME}"}

#: How fast it may be sent (bytes a second): no network is between the two (5.2 has 32 MiB by itself).
_BANDWIDTH = 1 << 34

#: How often is asked whether it is over (seconds), and how long that may take.
_EVERY_S = 0.002
_PATIENCE_S = 20.0

#: The room of the pipe (bytes), which is what an ordinary user may have (pipe(7)).
_PIPE = 1 << 20


@dataclass
class Sent:
    """How it ended: ``status`` is QEMU's of either side (``completed``, ``failed``), ``said`` what the source said of a
    failure, ``ended`` a side that ended meanwhile, ``state_bytes`` how much was sent, ``is_late`` whether it was given
    up.
    """

    source: str = ""
    destination: str = ""
    said: str = ""
    ended: SideEnded | None = None
    state_bytes: int = 0
    is_late: bool = False

    def give_up(self) -> None:
        """It takes too long; what was said already stands."""
        self.is_late = True
        self.said = self.said or f"it was not over within {_PATIENCE_S:g} s"

    @property
    def is_complete(self) -> bool:
        """Whether both say so."""
        return self.ended is None and (self.source, self.destination) == ("completed", "completed")


async def send_state(source: PairSide, destination: PairSide) -> Sent:
    """Have the source send itself to the destination, which was started with ``-incoming defer``; waits for the end.

    :raise QemuError: where a QEMU does not answer as QMP has it.
    """
    sent = Sent()
    reading, writing = _pipe()
    try:
        said = await _await_state(destination, reading) or await _begin_sending(source, writing)
    except SideEnded as ended:
        sent.ended = ended
        return sent
    finally:
        os.close(reading)
        os.close(writing)
    if said:
        sent.source, sent.said = "failed", said
        return sent
    return await _see_it_through(source, destination, sent)


async def leave_memory_out(*sides: PairSide) -> bool:
    """Have memory that is shared with a file not sent (``x-ignore-shared``, QEMU 4.0); whether all know of that."""
    wanted: list[JsonValue] = [{"capability": "x-ignore-shared", "state": True}]
    answers = [await side.ask(Question("migrate-set-capabilities", {"capabilities": wanted})) for side in sides]
    return all(answer.error is None for answer in answers)


async def _see_it_through(source: PairSide | None, destination: PairSide, sent: Sent) -> Sent:
    """Ask until it is over; without a ``source`` what is sent comes from a file."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while not await _is_over(source, destination, sent):  # noqa: ASYNC110 - no QEMU of these tells by itself
                await asyncio.sleep(_EVERY_S)
    except TimeoutError:
        sent.give_up()
    except SideEnded as ended:
        sent.ended = ended
        if ended.side == "destination" and source is not None:
            await _see_source(source, sent)
    return sent


def _pipe() -> tuple[int, int]:
    reading, writing = os.pipe2(os.O_CLOEXEC)
    with suppress(OSError):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE)
    return reading, writing


async def _await_state(side: PairSide, reading: int) -> str:
    """Have a machine wait for a state; what it refuses with, or nothing."""
    handed = await side.hand_over(_NAME, reading)
    if handed.error is not None:
        return f"getfd: {handed.error.desc}"
    waiting = await side.ask(Question("migrate-incoming", _URI))
    return waiting.error.desc if waiting.error is not None else ""


async def _begin_sending(side: PairSide, writing: int) -> str:
    """Have a machine send itself; what it refuses with, or nothing."""
    handed = await side.hand_over(_NAME, writing)
    if handed.error is not None:
        return f"getfd: {handed.error.desc}"
    await side.ask(Question("migrate-set-parameters", {"max-bandwidth": _BANDWIDTH}))
    begun = await side.ask(Question("migrate", _URI))
    return begun.error.desc if begun.error is not None else ""


async def take_state(source: PairSide, most: int) -> tuple[Sent, bytes]:
    """The state of a machine, which has not more than ``most`` bytes; ``said`` tells where it comes to nothing.

    :raise QemuError: where the QEMU does not answer as QMP has it.
    """
    sent = Sent()
    reading, writing = _pipe()
    try:
        sent.said = await _begin_sending(source, writing)
    except SideEnded as ended:
        sent.ended = ended
    finally:
        os.close(writing)
    try:
        if sent.said or sent.ended is not None:
            return sent, b""
        async with asyncio.timeout(_PATIENCE_S):
            state = await _read_all(reading, most)
    except TimeoutError:
        sent.give_up()
        return sent, b""
    finally:
        os.close(reading)
    if len(state) > most:
        sent.said = f"its state has more than {most} bytes"
        return sent, b""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while sent.source not in ("completed", "failed"):
                _note((await source.ask(Question("query-migrate"))).reply, sent)
                await asyncio.sleep(_EVERY_S)
    except SideEnded as ended:
        sent.ended = ended
    return sent, state


async def give_state(destination: PairSide, state: bytes) -> Sent:
    """Have a machine take a state, which was started with ``-incoming defer``; waits for the end.

    :raise QemuError: where the QEMU does not answer as QMP has it.
    """
    sent = Sent(source="completed", state_bytes=len(state))
    reading, writing = _pipe()
    try:
        said = await _await_state(destination, reading)
    except SideEnded as ended:
        os.close(writing)
        sent.ended = ended
        return sent
    finally:
        os.close(reading)
    if said:
        os.close(writing)
        sent.said = said
        return sent
    giving = asyncio.ensure_future(_write_all(writing, state))
    try:
        sent = await _see_it_through(None, destination, sent)
        if sent.is_late and giving.done():
            # It was given all that there is, so it is the state that is to blame.
            sent.is_late, sent.said = False, "QEMU waits for more than the state has"
        return sent
    finally:
        giving.cancel()
        await asyncio.gather(giving, return_exceptions=True)


async def _read_all(reading: int, most: int) -> bytes:
    """All that comes, or one byte more than is wanted."""
    os.set_blocking(reading, False)
    state = bytearray()
    while len(state) <= most:
        await _is_ready(reading, to_write=False)
        with suppress(BlockingIOError):
            data = os.read(reading, _PIPE)
            if not data:
                break
            state += data
    return bytes(state)


async def _write_all(writing: int, state: bytes) -> None:
    """Write all, and close; whoever reads may go away."""
    left = memoryview(state)
    try:
        os.set_blocking(writing, False)
        while left:
            await _is_ready(writing, to_write=True)
            with suppress(BlockingIOError):
                left = left[os.write(writing, left[:_PIPE]) :]
    except BrokenPipeError:
        pass
    finally:
        os.close(writing)


async def _is_ready(descriptor: int, *, to_write: bool) -> None:
    """Wait until a pipe can be read, or written."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    (loop.add_writer if to_write else loop.add_reader)(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        (loop.remove_writer if to_write else loop.remove_reader)(descriptor)


async def _is_over(source: PairSide | None, destination: PairSide, sent: Sent) -> bool:
    """Ask both; whether nothing more comes."""
    if source is not None:
        _note((await source.ask(Question("query-migrate"))).reply, sent)
    came = await destination.ask(Question("query-migrate"))
    sent.destination = _status(came.reply)
    if sent.destination in ("completed", "failed"):
        # The destination is done as it has all; the source hears of it a moment later.
        return sent.destination == "failed" or sent.source in ("completed", "failed")
    # A source that fails ends the stream, of which the destination hears next: its words are the better ones.
    return False


async def _see_source(source: PairSide, sent: Sent) -> None:
    """What the source says once the destination has gone."""
    with suppress(SideEnded, TimeoutError):
        async with asyncio.timeout(1.0):
            while sent.source not in ("completed", "failed"):
                _note((await source.ask(Question("query-migrate"))).reply, sent)
                await asyncio.sleep(_EVERY_S)


def _note(reply: JsonValue, sent: Sent) -> None:
    sent.source = _status(reply)
    if isinstance(reply, Mapping):
        said, ram = reply.get("error-desc"), reply.get("ram")
        sent.said = said if isinstance(said, str) else sent.said
        transferred = ram.get("transferred") if isinstance(ram, Mapping) else None
        sent.state_bytes = transferred if isinstance(transferred, int) else sent.state_bytes


def _status(reply: JsonValue) -> str:
    status = reply.get("status") if isinstance(reply, Mapping) else None
    return status if isinstance(status, str) else ""
