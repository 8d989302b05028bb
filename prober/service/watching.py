"""Steps of what a client has asked for, told as they happen: lines of JSON, of which the last is the answer.

Whoever wants them says so (``Accept: application/x-ndjson``); anybody else gets the answer alone, as ever.  The status
waits for the first step: what is refused before anything was done has its own.  From there on it is 200, and the last
line has the status that the answer would have had.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable

from prober.errors import ProberError
from prober.proof.watched import WorkStep, watch_steps
from prober.service.messages import ClientGoneError, Request, Response
from prober.service.problems import problem
from prober.service.routes import MIGRATE, PLUG, PROVE

log = logging.getLogger(__name__)

STEPS_TYPE = "application/x-ndjson"

#: The names of the routes that tell steps to who wants them.
WATCHED = (PROVE.name, PLUG.name, MIGRATE.name)

#: So many steps are told of one question; a rehearsal has at most two for each of 256 commands, and some twenty more.
MOST_STEPS = 1000


def wants_steps(request: Request) -> bool:
    """Whether the client takes lines of JSON."""
    told = (one.partition(";")[0].strip().lower() for header in request.every(b"accept") for one in header.split(","))
    return STEPS_TYPE in told


async def answer_in_steps(
    work: Callable[[], Awaitable[Response]], refused: Callable[[ProberError], Response]
) -> Response:
    """What ``work`` answers, with its steps before it; ``refused`` makes an answer of an error.

    :raise ProberError: as the work does, where that was before its first step.
    """
    stream = StepStream(work, refused)
    await stream.begin()
    return Response(200, b"", STEPS_TYPE, stream=stream)


class StepStream:
    """The body of one answer.  Closed, nothing more is begun: what has its turn at a QEMU, or waits for it, goes on as
    it does wherever somebody goes away (:meth:`prober.proof.turns.ProofTurns.start`)."""

    def __init__(self, work: Callable[[], Awaitable[Response]], refused: Callable[[ProberError], Response]) -> None:
        self._work = work
        self._refused = refused
        self._began = time.monotonic()
        #: What is to be sent; None is the end.
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._first: bytes | None = None
        self._told = 0
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Have the work done, and wait until there is something to be told.

        :raise ProberError: as the work does, where nothing was told before.
        """
        self._task = asyncio.ensure_future(self._run())
        try:
            self._first = await self._lines.get()
            if self._first is None:
                await self._task
        except BaseException:
            await self.aclose()
            raise

    def __aiter__(self) -> StepStream:
        return self

    async def __anext__(self) -> bytes:
        line, self._first = self._first, None
        if line is None:
            line = await self._lines.get()
        if line is None:
            raise StopAsyncIteration
        return line

    async def aclose(self) -> None:
        """Nobody reads on.  May be called twice."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        watch_steps(self._hear)
        try:
            self._lines.put_nowait(_last_line(await self._answer()))
        finally:
            self._lines.put_nowait(None)

    async def _answer(self) -> Response:
        try:
            return await self._work()
        except ClientGoneError:
            raise
        except ProberError as error:
            if not self._told:
                raise
            return self._refused(error)
        except Exception:
            if not self._told:
                raise
            log.exception("after %d steps: a fault in prober itself", self._told, extra={"fields": {"event": "fault"}})
            return problem(500, "a fault in prober itself", hint="see its log")

    def _hear(self, step: WorkStep) -> None:
        """A step; each gives its line, and none says more than a few hundred characters."""
        if self._told < MOST_STEPS:
            self._told += 1
            step = step.model_copy(update={"seconds": round(time.monotonic() - self._began, 3)})
            told = json.dumps({"step": step.model_dump(exclude_defaults=True) | {"seconds": step.seconds}})
            self._lines.put_nowait(told.encode() + b"\n")


def _last_line(answer: Response) -> bytes:
    """The answer as the plain form has it, with its status before it."""
    return b'{"status": %d, "answer": %b}\n' % (answer.status, answer.body)
