"""The workers of the service: a few processes, a bounded queue before them, and an end to each question.

Guarantees:

- No question takes longer than ``work_s`` once a worker has it, nor waits longer than that for one: the worker is
  killed and replaced, and the asker is told.
- A user has at most half of the workers while another one waits, and loses what is beyond that where somebody does.
  What was taken away is begun again: a question has no effect but its answer.
- Where a worker is killed by others the question is asked of another one, as often as there are workers: all that
  were idle may have been killed at once, and the next question is the first to see it.
- When the pool is closed no process of it is left.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from prober.capabilities.capabilities import Capabilities
from prober.errors import BusyError, ServiceError, WorkError
from prober.service.messages import ClientGoneError
from prober.service.questions import WorkAsker, stopping
from prober.service.settings import ServiceSettings
from prober.service.workers.channel import WorkerChannel, WorkerGoneError
from prober.service.workers.start import Nursery
from prober.service.workers.turns import Ticket, Turns, too_busy
from prober.service.workers.wire import WorkerFrame

log = logging.getLogger(__name__)

#: How long (seconds) somebody waits before what another has beyond his share is taken away: most is over by then.
_PATIENCE = 0.1

_HOST = {"do": "host"}

#: How long (seconds) a worker takes to be there at most, beside what it may take to answer: a nursery that hangs is
#: given up after a minute.
_STARTS_WITHIN = 75.0

#: How many bytes may lie here for all who wait.
_MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class PoolSettings:
    """How many ``workers``, how many questions may wait, how long (seconds) one may take, how many bytes of memory a
    worker may take for it, and the file with the host's settings."""

    workers: int = 2
    waiting: int = 64
    work_s: float = 10.0
    memory: int = 192 << 20
    host: str | None = None


#: Why a worker is replaced.
ReplacedWhy = Literal["deadline", "killed", "memory", "share"]

#: What the log says of it, and how loudly.
_SAID: Mapping[ReplacedWhy, tuple[int, str]] = {
    "deadline": (logging.WARNING, "took longer than it may"),
    "killed": (logging.WARNING, "has died"),
    "memory": (logging.INFO, "has taken much memory"),
    "share": (logging.INFO, "was more than the share of its user"),
}


@dataclass
class PoolFigures:
    """What there is to be watched; whoever watches reads it when he likes.

    ``busy`` and ``waiting`` are now, all else since the start: questions ``answered``, by what was asked; workers
    ``replaced``, by the reason (``deadline``, ``killed``, ``memory``, ``share``); questions ``refused`` as too much was
    asked.
    """

    busy: int = 0
    waiting: int = 0
    answered: Counter[str] = field(default_factory=Counter)
    replaced: Counter[str] = field(default_factory=Counter)
    refused: int = 0


#: The service itself.
OURSELVES = WorkAsker(os.getuid())


@dataclass(eq=False)
class _Run:
    """A worker at a question."""

    ticket: Ticket
    channel: WorkerChannel
    #: Why it was ended, where it was.
    why: ReplacedWhy | None = None


class WorkerPool:
    """The workers.  They are made when they are first wanted."""

    def __init__(self, nursery: Nursery, settings: PoolSettings) -> None:
        self.settings = settings
        self.figures = PoolFigures()
        self._nursery = nursery
        self._turns = Turns(settings.workers, settings.waiting, _MOST_BYTES)
        self._idle: list[WorkerChannel] = []
        self._runs: list[_Run] = []
        self._starting: set[asyncio.Task[None]] = set()
        self._given: dict[Ticket, WorkerChannel] = {}
        #: Which reading of the host holds, and how many were tried.
        self._epoch = self._tried = 0
        self._is_closed = False
        #: When a worker was given, began or ended its work last, or was there at last; or nobody waited.
        self._moved_at = time.monotonic()

    async def ask(
        self, head: Mapping[str, Any], body: bytes, asker: WorkAsker, capabilities: Capabilities | None = None
    ) -> WorkerFrame:
        """The answer of a worker.

        :raise BusyError: where too much is asked at once, or the service is being stopped.
        :raise WorkError: where it takes too long, or its worker died of it.
        :raise ClientGoneError: where the asker has gone before it was begun.
        """
        ticket, deaths = Ticket(asker.uid, len(body)), 0
        while True:
            run = await self._take_turn(ticket, asker)
            try:
                return await self._run(run, head, body, capabilities)
            except WorkerGoneError:
                deaths += run.why == "killed"
                if deaths > self.settings.workers:
                    break
                ticket = Ticket(asker.uid, len(body), is_first=True)
        raise WorkError(f"{deaths} processes that worked on this have died", hint="the service's log may say more")

    async def load(self) -> None:
        """Start all workers, where they are not there, and wait until they are.

        :raise WorkError: where they cannot be had.
        """
        for _ in range(self._missing()):
            self._moved_at = time.monotonic()
            self._start_one()
        if self._starting:
            await asyncio.wait(self._starting)

    async def read_host(self) -> None:
        """Have what the host brings along read, where that was not done yet.

        :raise ServiceError: where its file cannot be read or understood.
        """
        _require_host(await self.ask(_HOST, b"", OURSELVES))

    async def adopt(self, settings: PoolSettings) -> None:
        """Go on by other settings, and with the host as its file says now, with other workers; what is being worked on
        is finished as it was begun.

        :raise ServiceError: where the host's file cannot be read or understood; nothing has changed then.
        """
        self._tried += 1
        epoch = self._tried
        channel = await self._hatch(settings, epoch)
        try:
            async with asyncio.timeout(settings.work_s):
                _require_host(await channel.ask(_HOST, b"", None))
        except (TimeoutError, WorkerGoneError) as error:
            raise ServiceError("the host was not read: a worker has failed", hint="see the log") from error
        finally:
            channel.kill()
        self.settings, self._epoch = settings, epoch
        self._turns.resize(settings.workers, settings.waiting)
        for channel in self._idle:
            channel.kill()
        self._idle.clear()
        for run in self._runs:
            run.channel.is_last = True

    def is_alive(self) -> bool:
        """Whether whoever asks gets on: nobody waits, or something has moved not long ago.

        Each question has its end, and so has the start of a worker; what moves for longer than both is stuck.
        """
        if self._is_closed or not (len(self._turns) or self._runs or self._starting):
            return True
        return time.monotonic() - self._moved_at <= 2 * self.settings.work_s + _STARTS_WITHIN

    def pids(self) -> list[int]:
        """The workers that are there, by their numbers, those that are at a question last."""
        channels = (*self._idle, *self._given.values(), *(run.channel for run in self._runs))
        return [channel.pid for channel in channels]

    async def close(self) -> None:
        """End all; whoever waits is told.  May be called twice."""
        self._is_closed = True
        for ticket in self._turns:
            self._turns.leave(ticket)
            if not ticket.turn.done():
                ticket.turn.set_exception(stopping())
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        for channel in (*self._idle, *(run.channel for run in self._runs)):
            channel.kill()
        self._idle.clear()

    async def _take_turn(self, ticket: Ticket, asker: WorkAsker) -> _Run:
        """Wait for a worker."""
        patience = asyncio.get_running_loop().call_later(_PATIENCE, self._make_room, ticket)
        try:
            if self._is_closed:
                raise stopping()
            if not (len(self._turns) or self._runs or self._starting):
                self._moved_at = time.monotonic()
            self._turns.enter(ticket)
            self._dispatch()
            await self._wait_for(ticket)
        except BaseException as error:
            if ticket in self._given:
                self._end_run(_Run(ticket, self._given.pop(ticket)))
            if isinstance(error, TimeoutError):
                error = too_busy()
            self.figures.refused += isinstance(error, BusyError)
            raise error from None
        finally:
            patience.cancel()
            self._turns.leave(ticket)
            self._count()
        run = _Run(ticket, self._given.pop(ticket))
        if asker.is_gone():
            self._end_run(run)
            raise ClientGoneError
        self._runs.append(run)
        return run

    async def _wait_for(self, ticket: Ticket) -> None:
        """Wait for so long as a worker may take, not counted that in which there is none yet.

        :raise TimeoutError: where that is over.
        """
        while True:
            try:
                async with asyncio.timeout(self.settings.work_s):
                    await asyncio.shield(ticket.turn)
                return
            except TimeoutError:
                if self._runs or self._given or self._idle:
                    raise

    async def _run(
        self, run: _Run, head: Mapping[str, Any], body: bytes, capabilities: Capabilities | None
    ) -> WorkerFrame:
        channel = run.channel
        try:
            async with asyncio.timeout(self.settings.work_s):
                answer = await channel.ask(head, body, capabilities)
        except TimeoutError:
            run.why = "deadline"
            limit = f"{self.settings.work_s:g} seconds"
            raise WorkError(f"this takes longer than the {limit} that it may", hint="send less at once") from None
        except WorkerGoneError:
            if not self._is_closed:
                run.why = run.why or "killed"
            raise
        else:
            self.figures.answered[str(head.get("do"))] += 1
            if channel.is_last:
                run.why = "memory"
            return answer
        finally:
            if run.why:
                self._note_end(channel, run.why, str(head.get("do")))
            self._runs.remove(run)
            self._end_run(run)

    def _end_run(self, run: _Run) -> None:
        """The worker is free for the next, unless it has gone, or is still at this: whoever went away."""
        if run.channel.is_asked or run.channel.is_last or run.channel.is_gone or self._is_closed:
            run.channel.kill()
        else:
            self._idle.append(run.channel)
        self._moved_at = time.monotonic()
        uid = run.ticket.uid
        self._turns.running[uid] -= 1
        if not self._turns.running[uid]:
            del self._turns.running[uid]
        self._dispatch()

    def _note_end(self, channel: WorkerChannel, why: ReplacedWhy, what: str = "") -> None:
        """Count a worker that is replaced, and tell the log; ``what`` it was asked, where it was."""
        self.figures.replaced[why] += 1
        level, said = _SAID[why]
        fields = {"event": "worker", "pid": channel.pid, "reason": why, "what": what}
        log.log(
            level, "worker %d (%s) %s, and is replaced", channel.pid, what or "idle", said, extra={"fields": fields}
        )

    def _dispatch(self) -> None:
        """Give workers to those whose turn it is, and start some where there are too few."""
        for channel in [channel for channel in self._idle if channel.is_gone]:
            self._note_end(channel, "killed")
            self._idle.remove(channel)
            channel.kill()
        while self._idle and (ticket := self._turns.next()) is not None:
            if ticket.turn.done():
                continue
            self._turns.running[ticket.uid] += 1
            self._given[ticket] = self._idle.pop()
            self._moved_at = time.monotonic()
            ticket.turn.set_result(None)
        self._count()
        for _ in range(min(len(self._turns) - len(self._starting), self._missing())):
            self._start_one()

    def _missing(self) -> int:
        """How many workers there could be besides."""
        if self._is_closed:
            return 0
        there = (self._given, self._runs, self._idle, self._starting)
        return self.settings.workers - sum(map(len, there))

    def _make_room(self, ticket: Ticket) -> None:
        """Take from a user what he has beyond his share, where this one has waited for long."""
        uid = self._turns.is_wronged(ticket)
        theirs = [run for run in self._runs if run.ticket.uid == uid and not run.why]
        if uid is not None and theirs:
            theirs[-1].why = "share"
            theirs[-1].channel.kill()

    def _start_one(self) -> None:
        task = asyncio.get_running_loop().create_task(self._add_one())
        self._starting.add(task)
        task.add_done_callback(self._on_started)

    async def _hatch(self, settings: PoolSettings, epoch: int) -> WorkerChannel:
        told = {"kind": "full", "host": settings.host, "epoch": epoch, "memory": settings.memory}
        return await WorkerChannel.open(await self._nursery.hatch(told))

    async def _add_one(self) -> None:
        epoch = self._epoch
        channel = await self._hatch(self.settings, epoch)
        if self._is_closed or epoch != self._epoch:
            channel.kill()
        else:
            self._idle.append(channel)
            self._moved_at = time.monotonic()

    def _on_started(self, task: asyncio.Task[None]) -> None:
        self._starting.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.warning("no worker can be started: %s", error)
            for ticket in self._turns:
                self._turns.leave(ticket)
                if not ticket.turn.done():
                    ticket.turn.set_exception(error)
        if not self._is_closed:
            self._dispatch()

    def _count(self) -> None:
        self.figures.busy, self.figures.waiting = len(self._runs) + len(self._given), len(self._turns)


def pool_settings(settings: ServiceSettings) -> PoolSettings:
    """What the service's settings say of its workers."""
    return PoolSettings(
        workers=settings.workers,
        waiting=settings.max_waiting_work,
        work_s=settings.work_s,
        memory=settings.work_memory,
        host=None if settings.host is None else str(settings.host),
    )


def _require_host(answer: WorkerFrame) -> None:
    """:raise ServiceError: where a worker says that the host could not be read."""
    if answer.head["status"] != 200:
        raise ServiceError(answer.head["message"], hint=answer.head["hint"])
