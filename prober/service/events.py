"""Changes told to those who listen: as server-sent events, or to a question that waits for the next ones.

The form of the events is that of the HTML standard (``text/event-stream``).  Whoever reads slowly holds nothing up and
keeps nothing: each piece is made when the one before is on its way, from the changes that are kept anyway.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic

from pydantic import BaseModel

from prober.capabilities.changes import C, HasNumber, News, NumberedLog
from prober.errors import BusyError
from prober.service.messages import Request, Response, as_json
from prober.service.problems import RequestError
from prober.service.replies import MOST_WAIT_S
from prober.service.users import Who

#: So many listen at once, in either way; of them so many of one user, so that there is always room for others.
MOST_LISTENERS = 64
MOST_OF_ONE_USER = 48

#: So many changes are in one answer, or in one piece of a stream.
MOST_AT_ONCE = 100

#: After so many seconds without a change a stream says that it is still there.
_PING_S = 15.0

_MEDIA_TYPE = "text/event-stream"


class Listening(Generic[C]):
    """Answers those who listen to the ``changes``: ``listed`` makes the answer of some, ``of`` says what they are."""

    def __init__(self, changes: NumberedLog[C], listed: Callable[[News[C]], BaseModel], of: str) -> None:
        self._changes = changes
        self._listed = listed
        self._of = of
        #: How many there are of each user; None are those of whom nobody tells.
        self._listeners: Counter[Who] = Counter()

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return self._listeners.total()

    def stream(self, request: Request) -> Response:
        """The changes as they come, from the one behind ``Last-Event-ID``, or else from now on.

        :raise BusyError: where too many listen.
        """
        after = request.header(b"last-event-id")
        body: EventStream[C] = EventStream(self._changes, after, self._enter(request), self._of)
        return Response(200, b"", _MEDIA_TYPE, stream=body)

    async def answer(self, request: Request) -> Response:
        """What came ``since`` an id, after waiting for it if need be; without an id the last changes.

        :raise RequestError: (400) where the query is wrong.
        :raise BusyError: where too many listen.
        """
        since, seconds = request.query.get("since"), _read_seconds(request.query.get("wait", "0"))
        if since is None:
            news = self._changes.latest(MOST_AT_ONCE)
        else:
            if seconds:
                leave = self._enter(request)
                try:
                    await self._wait(request, since, seconds)
                finally:
                    leave()
            news = self._changes.since(since, MOST_AT_ONCE)
        return as_json(self._listed(news))

    async def _wait(self, request: Request, since: str, seconds: float) -> None:
        """Wait, but not for a client that has gone."""
        waiting = asyncio.ensure_future(self._changes.wait(since, seconds))
        with _told_when_gone(request, waiting):
            await asyncio.wait([waiting])

    def _enter(self, request: Request) -> Leave[C]:
        user = request.who
        if self.listeners >= MOST_LISTENERS:
            raise BusyError(f"{MOST_LISTENERS} clients listen for changes already", hint="try again later")
        if self._listeners[user] >= MOST_OF_ONE_USER:
            said = f"{MOST_OF_ONE_USER} clients of this user listen for changes already"
            raise BusyError(said, hint="let one of them listen for all")
        self._listeners[user] += 1
        return Leave(self, user)

    def left(self, user: Who) -> None:
        """One of this user listens no more."""
        self._listeners[user] -= 1
        if not self._listeners[user]:
            del self._listeners[user]


class Leave(Generic[C]):
    """Gives the place of a listener back, once."""

    def __init__(self, listening: Listening[C], user: Who) -> None:
        self._listening: Listening[C] | None = listening
        self._user = user

    def __call__(self) -> None:
        if self._listening is not None:
            self._listening.left(self._user)
            self._listening = None


class EventStream(Generic[C]):
    """The body of one stream.  ``after`` is the id of the last change that the client has; empty for none."""

    def __init__(self, changes: NumberedLog[C], after: str, leave: Leave[C], of: str) -> None:
        self._changes = changes
        self._id = after or changes.last
        self._leave = leave
        # An id without data makes no event: it is what the client resumes with if it sees none.
        self._first = f": {of}\n".encode() + (b"\n" if after else _words(id=self._id))

    def __aiter__(self) -> EventStream[C]:
        return self

    async def __anext__(self) -> bytes:
        if self._first:
            piece, self._first = self._first, b""
            return piece
        news = self._changes.since(self._id, MOST_AT_ONCE)
        if not news.changes and not news.has_gap:
            if self._changes.is_closed:
                raise StopAsyncIteration
            await self._changes.wait(self._id, _PING_S)
            news = self._changes.since(self._id, MOST_AT_ONCE)
        self._id = news.id
        if news.has_gap:
            said = {"id": news.id, "reason": "what came meanwhile is no longer known: look at everything anew"}
            return _words(id=news.id, event="reset", data=json.dumps(said))
        if self._changes.is_closed and not news.changes:
            raise StopAsyncIteration
        return b"".join(map(_event, news.changes)) or b": still here\n\n"

    async def aclose(self) -> None:
        """Nobody reads on.  May be called twice."""
        self._leave()


def _event(change: HasNumber) -> bytes:
    return _words(id=change.id, event="change", data=change.model_dump_json())


def _words(**fields: str) -> bytes:
    """One event; JSON has no line break, so each field is one line."""
    return "".join(f"{name}: {value}\n" for name, value in fields.items()).encode() + b"\n"


@contextmanager
def _told_when_gone(request: Request, waiting: asyncio.Future[None]) -> Iterator[None]:
    request.on_gone = waiting.cancel
    try:
        yield
    finally:
        request.on_gone = None
        waiting.cancel()


def _read_seconds(text: str) -> float:
    """:raise RequestError: (400) where this is no number of seconds that may be waited."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MOST_WAIT_S:
        raise RequestError(400, f"wait is {text[:80]!r}", hint=f"write seconds, 0 to {MOST_WAIT_S:g}")
    return seconds
