"""Learning what a binary can do: from the cache where that holds, else by asking it; once, however many want to know.

Guarantees:

- At most ``max_interviews`` interviews run at once, and the next one begins when the memory of the last is given back.
- An interview during which the binary changed counts for nothing.
- Whoever waits for what is being learnt may go away: that stops nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any

from prober.capabilities.cache import DiskCache, Learned
from prober.capabilities.capabilities import Capabilities
from prober.capabilities.compact import make_compact
from prober.capabilities.entry import Answer, Failure, Subject, Success
from prober.capabilities.find import CatalogSettings, FoundFile
from prober.capabilities.fingerprint import Fingerprint, change_of
from prober.capabilities.interviewer import Interviewer
from prober.capabilities.observer import ANSWERED, CANCELLED, FAULT, Observer, stale_part
from prober.errors import BinaryFailedError, ProberError
from prober.qemu.files import read_recording

log = logging.getLogger(__name__)

#: How often a binary that changes while it is being asked is asked in a row.
_ATTEMPTS = 3
#: How long (seconds) closing waits for entries that are being written to the cache.
_BACKGROUND_GRACE = 0.5
#: How long (seconds) after an answer its memory is tidied: whoever asked for it has been told by then.
_TIDY_AFTER = 0.05


class Learner:
    """Learns about binaries, with an ``interviewer``; ``look`` takes the fingerprint of a file as it is now.

    The ``observer`` is told what becomes of that.

    Once it is ``closing`` nothing more is learnt.
    """

    def __init__(
        self,
        settings: CatalogSettings,
        interviewer: Interviewer,
        look: Callable[[FoundFile], Fingerprint | None],
        observer: Observer,
    ) -> None:
        self._interviewer = interviewer
        self._observer = observer
        self._look = look
        self._cache = None if settings.cache_dir is None else DiskCache(settings.cache_dir)
        self._slots = asyncio.Semaphore(settings.max_interviews)
        self._most_at_once = settings.max_interviews
        self._background: set[asyncio.Task[Any]] = set()
        self.closing = False

    async def open(self) -> None:
        """Make the cache ready.

        :raise ServiceError: where others can write to its directory.
        """
        if self._cache is not None:
            await self._cache.open()

    def adopt_settings(self, settings: CatalogSettings, interviewer: Interviewer) -> None:
        """Go on by other settings; interviews that are under way are finished as they were begun.

        The cache stays where it is.
        """
        more = settings.max_interviews - self._most_at_once
        self._interviewer, self._most_at_once = interviewer, settings.max_interviews
        for _ in range(more):
            self._slots.release()
        for _ in range(-more):
            self._keep(self._slots.acquire())  # When one that is taken comes back, it stays with us.

    async def close(self, tasks: Iterable[asyncio.Task[None]]) -> None:
        """End these tasks and its own; entries that are being written to the cache get a moment."""
        self.closing = True
        tasks = list(tasks)
        for task in tasks:
            task.cancel()
        if self._background:
            await asyncio.wait(self._background, timeout=_BACKGROUND_GRACE)
        left = [*tasks, *self._background]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def start(self, subject: Subject, *, use_cache: bool = True) -> asyncio.Task[None]:
        """The task that learns about a binary: the one under way, or a new one.

        :raise BinaryFailedError: where nothing more is learnt about it.
        """
        if self.closing or subject.gone:
            why = "the catalog is closing" if self.closing else "it is no longer in the catalog"
            raise BinaryFailedError(f"{subject.found.path} is not asked: {why}")
        if subject.task is None:
            subject.task = asyncio.create_task(self._learn(subject, use_cache=use_cache), name=f"learn {subject.id}")
        return subject.task

    async def learn(self, subject: Subject, *, use_cache: bool = True) -> None:
        """Wait until that is done.  A waiter that is cancelled leaves it running.

        :raise BinaryFailedError: where nothing more is learnt about it.
        """
        await _ended(self.start(subject, use_cache=use_cache))

    def drop(self, subject: Subject) -> None:
        """Stop learning about a binary that is gone, and forget it."""
        log.info("%s is gone", subject.found.path)
        if subject.task is not None:
            subject.task.cancel()
            self._keep(_ended(subject.task))
        if self._cache is not None:
            self._keep(self._cache.remove(subject.found.path))

    async def _learn(self, subject: Subject, *, use_cache: bool) -> None:
        try:
            stored = await self._restore(subject) if use_cache else None
            subject.consulted.set()
            subject.answer = stored or await self._ask_in_turn(subject)
        finally:
            subject.task = None
            subject.consulted.set()

    async def _restore(self, subject: Subject) -> Success | None:
        """The cache's answer, where it depends on what is there now."""
        if self._cache is None:
            return None
        found = subject.found
        if (stored := await self._cache.read(found.path)) is None:
            self._observer.cache_read("absent")
            return None
        learned, capabilities = stored
        seen = self._look(found)
        change = change_of(learned.fingerprint, seen)
        if change is not None:
            self._observer.cache_read("stale")
            if subject.answer is None:  # Else whoever saw that it does not hold has told of it.
                self._tell_stale(found.path, stale_part(learned.fingerprint, seen), change)
            return None
        self._observer.cache_read("hit")
        return Success(learned, capabilities, "cache")

    async def _ask_in_turn(self, subject: Subject) -> Answer:
        await self._slots.acquire()
        subject.asking = True
        try:
            answer = await self._ask_until_it_holds(subject.found)
        except BaseException:
            self._slots.release()
            raise
        finally:
            subject.asking = False
        # The asker has its answer; the next interview begins when the memory of this one is given back.
        self._keep(self._finish_turn(subject, answer))
        return answer

    async def _finish_turn(self, subject: Subject, answer: Answer) -> None:
        try:
            if isinstance(answer, Failure):
                log.warning("%s", answer.message)
                return
            if self._cache is not None:
                await self._cache.write(answer.learned, answer.capabilities)
            await asyncio.sleep(_TIDY_AFTER)
            compact = await asyncio.to_thread(make_compact, answer.capabilities)
            if subject.answer is answer:
                subject.answer = replace(answer, capabilities=compact)
        finally:
            self._slots.release()

    async def _ask_until_it_holds(self, found: FoundFile) -> Answer:
        """An answer that depends on what is there before and after."""
        for _ in range(_ATTEMPTS):
            answer = await self._ask(found)
            change = change_of(answer.fingerprint, self._look(found))
            if change is None:
                return answer
            log.info("%s changed while it was asked: %s", found.path, change)
        return Failure(answer.fingerprint, f"{found.path} changes while it is asked", "try again later")

    async def _ask(self, found: FoundFile) -> Answer:
        fingerprint = self._look(found)
        if fingerprint is None:
            return Failure(None, f"{found.path}: there is no such file, or it may not be looked at")
        began, asked_at = time.monotonic(), time.time()
        seconds: float | None = None
        timings: dict[str, float] = {}
        held: dict[str, Any] = {}
        outcome = CANCELLED
        try:
            if found.kind == "recording":
                recording = await read_recording(found.path)
            else:
                interview = await self._interviewer(found.path)
                recording, seconds, timings = interview.recording, interview.seconds, dict(interview.timings)
                held = {"confinement": interview.confinement, "unconfined": interview.unconfined}
            capabilities = await asyncio.to_thread(Capabilities.from_recording, recording)
            outcome = ANSWERED
        except ProberError as error:
            outcome = error.kind
            return Failure(fingerprint, f"{found.path} could not be asked: {error.message}", error.hint)
        except Exception:
            # A fault of this program must not leave the askers waiting; it is logged whole.
            outcome = FAULT
            log.exception("asking %s failed", found.path, extra={"fields": {"event": "fault", "binary": found.path}})
            return Failure(fingerprint, f"{found.path} could not be asked: a fault in prober itself, see its log")
        finally:
            if found.kind == "binary":
                self._tell_end(found.path, outcome, time.monotonic() - began)
        if seconds is None:
            seconds = time.monotonic() - began
        learned = Learned(fingerprint=fingerprint, seconds=seconds, timings=timings, asked_at=asked_at, **held)
        return Success(learned, capabilities, "recording" if found.kind == "recording" else "interview")

    def _tell_stale(self, path: str, part: str, change: str) -> None:
        """What the disk has of a binary that nothing is known of yet no longer holds."""
        self._observer.stale(part, "start")
        fields = {"event": "stale", "binary": path, "part": part, "found_by": "start"}
        log.info("the cache entry of %s is out of date: %s", path, change, extra={"fields": fields})

    def _tell_end(self, path: str, outcome: str, seconds: float) -> None:
        """An interview ended in some way."""
        self._observer.interviewed(outcome, seconds)
        fields = {"event": "interview", "binary": path, "outcome": outcome, "seconds": round(seconds, 3)}
        log.info("the interview of %s ended after %.2f s: %s", path, seconds, outcome, extra={"fields": fields})

    def _keep(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run work behind the askers' back; closing waits for it."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _ended(task: asyncio.Task[None]) -> None:
    """Wait for a task without becoming part of it: a waiter that is cancelled leaves it running."""
    await asyncio.wait([task])
