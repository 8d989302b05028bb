"""Telling of each answer that is replaced: in order, one after the other, with what differs in it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.changes import ChangeLog, ChangeOf
from prober.capabilities.entry import Answer, Failure, Subject, Success
from prober.capabilities.fingerprint import Fingerprint, change_of, digest
from prober.capabilities.summarize import Summarizer

log = logging.getLogger(__name__)

#: So many answers that are no longer used are kept until what differs is worked out.
_MOST_WAITING = 4

#: So much of why it could not be asked is told (characters).
_MOST_SAID = 500


@dataclass(frozen=True)
class _Told:
    """A change that waits to be told; ``pair`` are the two answers that are compared."""

    kind: ChangeOf
    entry: str
    binary: str
    old: Fingerprint | None
    new: Fingerprint | None
    said: str = ""
    pair: tuple[Capabilities, Capabilities] | None = None


class Teller:
    """Notes in ``changes`` what becomes of answers; what differs in them is worked out by ``summarize``."""

    def __init__(self, changes: ChangeLog, summarize: Summarizer) -> None:
        self.changes = changes
        self._summarize = summarize
        self._waiting: asyncio.Queue[_Told] = asyncio.Queue()
        self._pairs = 0

    def answered(self, subject: Subject, old: Answer | None, new: Answer) -> None:
        """A binary has another answer than before, or its first one.  One that depends on the same is no change."""
        before, now = _fingerprint(old), new.fingerprint
        if old is not None and type(old) is type(new) and change_of(before, now) is None:
            return
        if isinstance(new, Failure):
            self._put(_Told("failed", subject.id, subject.found.path, before, now, new.message))
            return
        pair = None
        if isinstance(old, Success) and self._pairs < _MOST_WAITING:
            self._pairs += 1
            pair = old.capabilities, new.capabilities
        self._put(_Told("learned" if old is None else "changed", subject.id, subject.found.path, before, now, "", pair))

    def gone(self, subject: Subject) -> None:
        """A binary is no longer in the catalog."""
        self._put(_Told("gone", subject.id, subject.found.path, _fingerprint(subject.answer), None))

    async def run(self) -> None:
        """Tell until this is cancelled."""
        while True:
            told = await self._waiting.get()
            try:
                await self._tell(told)
            except Exception:  # One change that cannot be told must not keep the next from being told.
                log.exception("a change of %s cannot be told", told.binary)

    def _put(self, told: _Told) -> None:
        self._waiting.put_nowait(told)

    async def _tell(self, told: _Told) -> None:
        difference = None
        if told.pair is not None:
            self._pairs -= 1
            difference = await self._summarize(*told.pair)
        change = change_of(told.old, told.new) if told.old is not None else None
        self.changes.add(
            told.kind,
            told.entry,
            told.binary,
            before=None if told.old is None else digest(told.old),
            now=None if told.new is None else digest(told.new),
            part=None if change is None else change.part,
            said=(told.said or (change.said if change is not None else ""))[:_MOST_SAID],
            difference=difference,
        )


def _fingerprint(answer: Answer | None) -> Fingerprint | None:
    return None if answer is None else answer.fingerprint
