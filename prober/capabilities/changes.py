"""What has changed in the answers about binaries, for those who want to be told.

Each change has a number; the last thousand are kept.  Whoever was away asks for what came after the last that it saw,
and is told where that is no longer known: then it has to look at everything anew.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from contextlib import suppress
from itertools import islice
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

#: So many changes are kept.
KEPT = 1000

#: Each number has one form: who has the last change by another would never be waited for.
_ID = re.compile(r"([0-9a-f]{1,16})-(0|[1-9][0-9]{0,14})")

#: ``learned``: there is a first answer; ``changed``: another one; ``failed``: it could not be asked; ``gone``: there is
#: no such binary any more.
ChangeOf: TypeAlias = Literal["learned", "changed", "failed", "gone"]


class DifferenceSummary(BaseModel):
    """How many things a binary has otherwise than before: by group (``machines``, ``properties`` …) and by kind
    (``added``, ``removed``, ``changed`` …), as ``prober diff --summary`` counts them.

    ``before`` and ``now`` are the versions of QEMU.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: str
    now: str
    counts: dict[str, dict[str, int]]


class AnswerChange(BaseModel):
    """One change.

    ``id`` is the boot epoch of the service and a number, ``at`` when it was told (seconds since 1970).  ``entry`` is
    the id of the binary's entry and ``binary`` its path.  ``before`` and ``now`` are names of the two fingerprints,
    null where there is none; ``part`` is which part of them differs (the name of a field), ``said`` the same in words,
    with both values, or why it could not be asked.  ``difference`` is what differs in what the binary can do; it is
    null where there are not two answers, and where it could not be worked out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    at: float
    kind: ChangeOf
    entry: str
    binary: str
    before: str | None = None
    now: str | None = None
    part: str | None = None
    said: str = ""
    difference: DifferenceSummary | None = None


class HasNumber(Protocol):
    """A change that has an id."""

    @property
    def id(self) -> str:
        """The boot epoch of the service and a number."""
        ...

    def model_dump_json(self) -> str:
        """It as JSON."""
        ...


C = TypeVar("C", bound=HasNumber)


class News(NamedTuple, Generic[C]):
    """What came after an id: ``changes`` in their order, and the ``id`` to ask with the next time.

    ``has_gap`` is whether more came than is told of, or the id is of another life of the service.
    """

    changes: list[C]
    id: str
    has_gap: bool = False


class NumberedLog(Generic[C]):
    """Changes of one kind since the service was started.  For one event loop."""

    def __init__(self) -> None:
        # The time of the start tells one life of the service from the next.
        self._epoch = f"{time.time_ns():x}"
        self._number = 0
        self._kept: deque[C] = deque(maxlen=KEPT)
        self._news = asyncio.Event()
        self.is_closed = False

    @property
    def last(self) -> str:
        """The id of the last change; number 0 where there is none yet."""
        return self._id_of(self._number)

    @property
    def next(self) -> str:
        """The id of the change that is noted next."""
        return self._id_of(self._number + 1)

    def note(self, change: C) -> C:
        """Note a change that has the id of the :attr:`next`."""
        self._number += 1
        self._kept.append(change)
        self._wake()
        return change

    def since(self, ident: str, most: int = KEPT) -> News[C]:
        """What came after the change of this id: the next ``most`` of it.

        An id that is none of ours, also of an earlier life, gives a gap and nothing else.
        """
        match = _ID.fullmatch(ident)
        number = int(match[2]) if match is not None and match[1] == self._epoch else -1
        seen = number - (self._number - len(self._kept))  # so many of those that are kept
        if not 0 <= seen <= len(self._kept):
            return News([], self.last, has_gap=True)
        missed = list(islice(self._kept, seen, seen + most))
        return News(missed, missed[-1].id if missed else ident)

    def latest(self, most: int) -> News[C]:
        """The last ``most`` changes."""
        return News(list(self._kept)[-most:], self.last)

    async def wait(self, ident: str, seconds: float) -> None:
        """Wait for something that comes after this id, so long at most; not at all where there is something already."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.is_closed and ident == self.last:
                    await self._news.wait()

    def close(self) -> None:
        """Nothing more comes: nobody waits any longer.  May be called twice."""
        self.is_closed = True
        self._wake()

    def _id_of(self, number: int) -> str:
        return f"{self._epoch}-{number}"

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class ChangeLog(NumberedLog[AnswerChange]):
    """The changes of answers since the service was started.  For one event loop."""

    def add(self, kind: ChangeOf, entry: str, binary: str, **more: Any) -> AnswerChange:
        """Note a change; ``more`` are the other fields of :class:`AnswerChange`."""
        fields = {"id": self.next, "at": time.time(), "kind": kind, "entry": entry, "binary": binary, **more}
        return self.note(AnswerChange.model_validate(fields))
