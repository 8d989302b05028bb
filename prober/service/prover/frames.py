"""What the service and its prover say to each other on a unix socket: frames, each a length and so many bytes of JSON.

One question a connection.  The service says what is to be proven (:class:`ProofAsked`).  The prover may want what the
binary can do, which is large and so not part of each question; it answers with a :class:`ProofAnswer`, and what it
wants then comes in one more frame.  Of a question that is watched each step comes in a frame as it happens.  The last
frame is the proof, or why there is none.  The state of a guest, which is kept or loaded, is a frame of bytes by itself.
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prober.capabilities.fingerprint import Fingerprint
from prober.errors import ServiceError
from prober.proof.models import Proof
from prober.proof.watched import WorkStep
from prober.service.prover.tasks import RehearsalTask, RehearsalTold

_LENGTH = struct.Struct("!I")

#: The most bytes of a question, of what a binary can do (an entry of the cache has no more), and of an answer.
MOST_ASKED = 4 << 20
MOST_CAPABILITIES = 64 << 20
MOST_ANSWER = 16 << 20

M = TypeVar("M", bound=BaseModel)


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProofAsked(_Said):
    """A question.  ``rules`` is the version of what checks, stands in and judges (:func:`rules_version`).

    ``fingerprint`` is what the service knows of the binary depends on; its ``path`` is the binary.  ``request`` is the
    id by which the logs of both tell of it.  Without a ``rehearsal`` it is the line of these ``words`` that is proven;
    ``destination`` is the other binary of one that takes two, and ``with_file`` says that a frame with the state that
    is to be loaded comes behind this one.  Where it is ``watched`` its steps are wanted as they happen.
    """

    rules: str
    request: str = Field(default="", max_length=64, pattern="^[A-Za-z0-9._-]*$")
    fingerprint: Fingerprint
    destination: Fingerprint | None = None
    words: tuple[str, ...] = ()
    rehearsal: RehearsalTask | None = None
    with_file: bool = False
    anyway: bool = False
    assume_unknown_present: bool = False
    watched: bool = False


class Complaint(_Said):
    """An error of prober's, as it is made again on the other side: its ``kind``, and its words."""

    kind: str
    message: str
    hint: str = ""


class ProofAnswer(_Said):
    """One of these: what a binary can do is wanted (of the destination: 1), a step, the proof, what was rehearsed, or
    why there is none.  ``with_file`` says that a frame with the state that was kept comes behind this one."""

    wants_capabilities: bool = False
    wanted_of: int = 0
    step: WorkStep | None = None
    proof: Proof | None = None
    rehearsed: RehearsalTold | None = None
    with_file: bool = False
    error: Complaint | None = None


async def read_frame(source: asyncio.StreamReader, most: int) -> bytes:
    """The next frame, of at most ``most`` bytes.

    :raise ServiceError: where it is longer.
    :raise EOFError: where the other side ends before it does.
    """
    (length,) = _LENGTH.unpack(await source.readexactly(_LENGTH.size))
    if length > most:
        raise ServiceError(f"a frame of {length} bytes is longer than the {most} that it may have")
    return await source.readexactly(length)


async def write_frame(sink: asyncio.StreamWriter, data: bytes) -> None:
    """Write a frame, and wait until the other side takes it.

    :raise OSError: where it does not.
    """
    put_frame(sink, data)
    await sink.drain()


def put_frame(sink: asyncio.StreamWriter, data: bytes) -> None:
    """Write a frame without waiting for the other side; nothing where that has gone."""
    if not sink.is_closing():
        sink.write(_LENGTH.pack(len(data)))
        sink.write(data)


def parse(model: type[M], data: bytes) -> M:
    """What a frame says.

    :raise ServiceError: where it says something else.
    """
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        hint = "are the service and its prover of one version? start both again"
        raise ServiceError(f"what the other side says is not understood: {where}: {first['msg']}", hint=hint) from error


async def end(sink: asyncio.StreamWriter) -> None:
    """Close the connection, whatever becomes of what was not yet sent."""
    sink.transport.abort()
    with suppress(OSError):
        await sink.wait_closed()
