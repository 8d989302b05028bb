"""Answering off the event loop: a question gets what is known at that moment, and a turn in one of two threads.

One thread is for what takes milliseconds, or one translation for each build; one for what takes one for each of many
domains.  More would not be quicker, as Python runs one at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeAlias

from prober.commandline.brief import MOST_OF_AN_ANSWER
from prober.errors import BusyError
from prober.fleet.answer import FleetAnswer
from prober.fleet.judging import FleetJudge
from prober.fleet.known import Fleet
from prober.fleet.reader import StoreReader
from prober.service.messages import ClientGoneError, Request
from prober.service.problems import RequestError

#: So many questions wait at once.
MOST_WAITING = 64


class FleetKnown(NamedTuple):
    """What a question is answered by.  ``is_wanted`` is whether anybody still waits for the answer."""

    fleet: Fleet
    judge: FleetJudge
    is_wanted: Callable[[], bool]


Question: TypeAlias = Callable[[FleetKnown], FleetAnswer]


class Lanes:
    """Answers questions by what a reader knows.  For one event loop."""

    def __init__(self, reader: StoreReader) -> None:
        self.waiting = 0
        self._reader = reader
        self._judge = FleetJudge(reader.fleet)
        self._quick = ThreadPoolExecutor(1, thread_name_prefix="fleet-quick")
        self._long = ThreadPoolExecutor(1, thread_name_prefix="fleet-long")
        self._is_closed = False

    @property
    def translations(self) -> int:
        """How often a domain was translated for a build."""
        return self._judge.translations

    async def answer(self, request: Request, question: Question, *, takes_long: bool = False) -> bytes:
        """The answer, as JSON.

        :raise BusyError: where too many wait.
        :raise ClientGoneError: where nobody waits for it any more.
        :raise RequestError: (413) where it would be too large.
        """
        if self.waiting >= MOST_WAITING:
            raise BusyError(f"{MOST_WAITING} questions wait already", hint="ask again in a second")
        self.waiting += 1
        try:
            lane = self._long if takes_long else self._quick
            return await asyncio.get_running_loop().run_in_executor(lane, self._work, *self._known(request), question)
        finally:
            self.waiting -= 1

    def _known(self, request: Request) -> tuple[FleetKnown, str | None]:
        away = self._reader.away
        fleet = self._reader.fleet.snapshot(self._reader.as_of)
        known = FleetKnown(fleet, self._judge.over(fleet), lambda: not (request.is_gone or self._is_closed))
        return known, None if away is None else away.message

    def _work(self, known: FleetKnown, away: str | None, question: Question) -> bytes:
        """In a thread."""
        if not known.is_wanted():
            raise ClientGoneError
        answer = question(known)
        if away is not None:
            answer = answer.model_copy(update={"away": away})
        told = answer.model_dump_json().encode()
        if len(told) > MOST_OF_AN_ANSWER:
            raise RequestError(
                413,
                f"the answer would have {len(told)} bytes, and none has more than {MOST_OF_AN_ANSWER}",
                hint="ask of fewer hosts (where), of fewer domains, or for a smaller page (limit)",
            )
        return told

    async def close(self) -> None:
        """Answer no more; what is being worked on ends at its next domain."""
        self._is_closed = True
        for lane in (self._quick, self._long):
            lane.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._quick.shutdown)
        await asyncio.to_thread(self._long.shutdown)
