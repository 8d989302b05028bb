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
from prober.rehearsal.pair import Side, SideEnded

#: What a descriptor is called that QEMU is handed.
_NAME = "prober-state"

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
    failure, ``ended`` a side that ended meanwhile, ``state_bytes`` how much was sent."""

    source: str = ""
    destination: str = ""
    said: str = ""
    ended: SideEnded | None = None
    state_bytes: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether both say so."""
        return self.ended is None and (self.source, self.destination) == ("completed", "completed")


async def send_state(source: Side, destination: Side) -> Sent:
    """Have the source send itself to the destination, which was started with ``-incoming defer``; waits for the end.

    :raise QemuError: where a QEMU does not answer as QMP has it.
    """
    sent = Sent()
    try:
        said = await _begin(source, destination)
        if said:
            sent.source, sent.said = "failed", said
            return sent
        async with asyncio.timeout(_PATIENCE_S):
            while not await _is_over(source, destination, sent):  # noqa: ASYNC110 - no QEMU of these tells by itself
                await asyncio.sleep(_EVERY_S)
    except TimeoutError:
        sent.said = sent.said or f"it was not over within {_PATIENCE_S:g} s"
    except SideEnded as ended:
        sent.ended = ended
        if ended.side == "destination":
            await _see_source(source, sent)
    return sent


async def _begin(source: Side, destination: Side) -> str:
    """Begin; what the source refuses with, or nothing."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE)
        for side, descriptor in ((destination, reading), (source, writing)):
            handed = await side.hand_over(_NAME, descriptor)
            if handed.error is not None:
                return f"getfd: {handed.error.desc}"
    finally:
        os.close(reading)
        os.close(writing)
    uri: Mapping[str, JsonValue] = {"uri": f"fd:{_NAME}"}
    waiting = await destination.ask(Question("migrate-incoming", uri))
    if waiting.error is not None:
        return waiting.error.desc
    await source.ask(Question("migrate-set-parameters", {"max-bandwidth": _BANDWIDTH}))
    begun = await source.ask(Question("migrate", uri))
    return begun.error.desc if begun.error is not None else ""


async def _is_over(source: Side, destination: Side, sent: Sent) -> bool:
    """Ask both; whether nothing more comes."""
    left = await source.ask(Question("query-migrate"))
    _note(left.reply, sent)
    came = await destination.ask(Question("query-migrate"))
    sent.destination = _status(came.reply)
    if sent.destination in ("completed", "failed"):
        # The destination is done as it has all; the source hears of it a moment later.
        return sent.destination == "failed" or sent.source in ("completed", "failed")
    # A source that fails ends the stream, of which the destination hears next: its words are the better ones.
    return False


async def _see_source(source: Side, sent: Sent) -> None:
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
