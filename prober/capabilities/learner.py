"""Learning what a binary can do: from the cache where that holds, else by asking it; once, however many want to know.

Guarantees:

- At most ``max_interviews`` interviews run at once, and the next one begins when what the last one gave is on disk.
- An interview during which the binary changed, or anything that it runs, counts for nothing.
- Whoever waits for what is being learnt may go away: that stops nothing.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from prober.capabilities.cache import DiskCache, Learned
from prober.capabilities.entry import Answer, Failure, Subject, Success
from prober.capabilities.find import CatalogSettings, FoundFile
from prober.capabilities.fingerprint import FileMark, Fingerprint, PartChange, change_of
from prober.capabilities.gently import take_over
from prober.capabilities.interviewer import Interviewer, RecordingReader
from prober.capabilities.observer import ANSWERED, CANCELLED, FAULT, CatalogObserver
from prober.capabilities.telling import Teller
from prober.errors import BinaryFailedError, ProberError
from prober.qemu.files import read_recording
from prober.qemu.ran import Ran

log = logging.getLogger(__name__)

#: A binary that changes while it is asked is asked again, so often at least and for so long (seconds): packages are
#: upgraded a file after the other.  In between there is a pause, each longer than the one before up to the last figure.
_ATTEMPTS, _UPGRADE_S = 3, 60.0
_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0
#: How long (seconds) closing waits for entries that are being written to the cache.
_BACKGROUND_GRACE = 0.5
#: A clock that is slowed down (adjtimex(2)) loses less than that (nanoseconds) during an interview; it was set back.
_STEP_NS = 100_000_000
#: The longest time (seconds) after which a binary is asked again whose failure may pass.
_LONGEST_WAIT = 3600.0
#: So many of the files that are not known are named in the log.
_TOLD = 4

#: What the loader finds libraries by (ld.so(8)): a binary that lacks one may start when this is written anew.
_LOADER_CACHE = "/etc/ld.so.cache"


@dataclass(frozen=True)
class HostView:
    """How a learner sees the host.

    ``look`` takes the fingerprint of a file as it is now, with these files that its process ran; ``prepare`` looks at
    such files beforehand, and lets others have their turns meanwhile; ``settle`` waits until what is being installed
    is there.
    """

    look: Callable[[FoundFile, tuple[FileMark, ...]], Fingerprint | None]
    prepare: Callable[[Iterable[FileMark]], Awaitable[None]]
    settle: Callable[[], Awaitable[None]]


class Learner:
    """Learns about binaries, with an ``interviewer``; ``reader`` reads recordings.

    ``teller`` is told of each answer, the ``observer`` of what becomes of all this.  Once it is ``closing`` nothing
    more is learnt.
    """

    def __init__(
        self,
        settings: CatalogSettings,
        interviewer: Interviewer,
        host: HostView,
        teller: Teller,
        observer: CatalogObserver,
        reader: RecordingReader = read_recording,
    ) -> None:
        self._teller = teller
        self._interviewer = interviewer
        self._observer = observer
        self._reader = reader
        self._host = host
        self._cache = None if settings.cache_dir is None else DiskCache(settings.cache_dir)
        self._slots = asyncio.Semaphore(settings.max_interviews)
        self._most_at_once = settings.max_interviews
        self._retry_s = settings.retry_s
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
        self._retry_s = settings.retry_s
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
        # Who was told to end is not told again: it may be waiting for a process that it has ended.
        for task in self._background:
            task.cancel()
        await asyncio.gather(*tasks, *self._background, return_exceptions=True)

    def start(self, subject: Subject, *, use_cache: bool = True, again: bool = False) -> asyncio.Task[None]:
        """The task that learns about a binary: the one under way, or a new one.

        ``again``: only its failure may have passed, and stands until it has.

        :raise BinaryFailedError: where nothing more is learnt about it.
        """
        if self.closing or subject.gone:
            why = "the catalog is closing" if self.closing else "it is no longer in the catalog"
            raise BinaryFailedError(f"{subject.found.path} is not asked: {why}")
        subject.is_again = again
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
        self._teller.gone(subject)
        if subject.task is not None:
            subject.task.cancel()
            self._keep(_ended(subject.task))
        if self._cache is not None:
            self._keep(self._cache.remove(subject.found.path))

    async def _learn(self, subject: Subject, *, use_cache: bool) -> None:
        try:
            stored = await self._restore(subject) if use_cache else None
            subject.consulted.set()
            before, subject.answer = subject.answer, stored or await self._ask_in_turn(subject)
            self._note_failure(subject, before)
            self._teller.answered(subject, before, subject.answer)
        finally:
            subject.task = None
            subject.is_again = False
            subject.consulted.set()

    def try_again(self, subjects: Iterable[Subject]) -> None:
        """Ask one again whose failure may have passed by now; only while nothing else is learnt, which comes first."""
        subjects = list(subjects)
        if self.closing or any(subject.task is not None for subject in subjects):
            return
        if due := [subject for subject in subjects if subject.try_again_at <= time.monotonic()]:
            self.start(min(due, key=lambda subject: subject.try_again_at), use_cache=False, again=True)

    def _note_failure(self, subject: Subject, before: Answer | None) -> None:
        """When it is asked again, where it has failed in a way that may pass."""
        answer = subject.answer
        if not (isinstance(answer, Failure) and answer.may_pass):
            subject.failed, subject.try_again_at = 0, math.inf
            return
        is_same = isinstance(before, Failure) and change_of(before.fingerprint, answer.fingerprint) is None
        wait = min(self._retry_s * 2**subject.failed, _LONGEST_WAIT) if is_same else self._retry_s
        subject.failed = subject.failed + 1 if is_same else 1
        subject.try_again_at = time.monotonic() + wait

    async def _restore(self, subject: Subject) -> Success | None:
        """The cache's answer, where it depends on what is there now."""
        if self._cache is None:
            return None
        found = subject.found
        if (stored := await self._cache.read(found.path)) is None:
            self._observer.cache_read("absent")
            return None
        learned, capabilities = stored
        await self._host.prepare(learned.fingerprint.files)
        now = self._host.look(found, learned.fingerprint.files)
        await asyncio.sleep(0)  # Others come first.
        change = change_of(learned.fingerprint, now)
        if change is not None:
            self._observer.cache_read("stale")
            if subject.answer is None:  # Else whoever saw that it does not hold has told of it.
                self._tell_stale(found.path, change)
            return None
        self._observer.cache_read("hit")
        # The very object that is taken at each use compares at once.
        return Success(learned.model_copy(update={"fingerprint": now}), capabilities, "cache")

    async def _ask_in_turn(self, subject: Subject) -> Answer:
        await self._slots.acquire()
        subject.asking = True
        try:
            answer = await self._ask_until_it_holds(subject)
        except BaseException:
            self._slots.release()
            raise
        finally:
            subject.asking = False
        # The asker has its answer; the next interview begins when this one's is on disk.
        self._keep(self._finish_turn(subject, answer))
        return answer

    async def _finish_turn(self, subject: Subject, answer: Answer) -> None:
        try:
            if isinstance(answer, Failure):
                log.warning("%s", answer.message)
                return
            if answer.learned.untraced:
                untraced = "; ".join(answer.learned.untraced[:_TOLD])
                log.warning("what is known of %s is not kept on disk: %s", subject.found.path, untraced)
            elif self._cache is not None:
                await self._cache.write(answer.learned, answer.capabilities)
        finally:
            self._slots.release()

    async def _ask_until_it_holds(self, subject: Subject) -> Answer:
        """An answer that depends on what is there before and after."""
        found = subject.found
        began = time.monotonic()
        for attempt in count(1):
            await self._host.settle()
            ahead = _ahead_ns()
            answer, ran = await self._ask(found, _watched_before(subject.answer))
            if ran is not None:
                await self._host.prepare(_paths_of(ran, found.path))
            answer, change = self._look_again(found, answer, ran)
            await asyncio.sleep(0)  # And before it is told of.
            if change is None and ran is not None and _ahead_ns() < ahead - _STEP_NS:
                change = PartChange("files", "the clock was set back, so no date tells what was written meanwhile")
            if change is None:
                return answer
            log.info("%s changed while it was asked: %s", found.path, change)
            if attempt >= _ATTEMPTS and time.monotonic() - began > _UPGRADE_S:
                break
            await asyncio.sleep(min(_PAUSE_S * attempt, _LONGEST_PAUSE_S))
        return Failure(answer.fingerprint, f"{found.path} changes while it is asked", "try again later", may_pass=True)

    def _look_again(self, found: FoundFile, answer: Answer, ran: Ran | None) -> tuple[Answer, PartChange | None]:
        """An answer, with all that it depends on now that this is known, and what changed until it was there."""
        before = answer.fingerprint
        if before is None or ran is None or isinstance(answer, Failure):
            return answer, change_of(before, self._host.look(found, _files_of(before)))
        now = self._host.look(found, _paths_of(ran, before.file.path))
        learned = answer.learned.model_copy(update={"fingerprint": now or before})
        return replace(answer, learned=learned), change_since(before, now, ran)

    async def _ask(self, found: FoundFile, before: tuple[FileMark, ...]) -> tuple[Answer, Ran | None]:
        """An answer, and what a process ran that gave it.

        A failed one depends on what the last process ran, ``before``: what that may lack can come back.
        """
        fingerprint = self._host.look(found, before)
        if fingerprint is None:
            return Failure(None, f"{found.path}: there is no such file, or it may not be looked at"), None
        began, asked_at = time.monotonic(), time.time()
        seconds: float | None = None
        timings: dict[str, float] = {}
        ran: Ran | None = None
        held: dict[str, Any] = {}
        outcome = CANCELLED
        try:
            if found.kind == "recording":
                recording = await self._reader(found.path)
            else:
                interview = await self._interviewer(found.path)
                recording, seconds, timings = interview.recording, interview.seconds, dict(interview.timings)
                ran = interview.ran
                held = {
                    "confinement": interview.confinement,
                    "unconfined": interview.unconfined,
                    "untraced": ran.untraced,
                }
            capabilities = await take_over(recording)
            outcome = ANSWERED
        except ProberError as error:
            outcome = error.kind
            words = f"{found.path} could not be asked: {error.message}"
            return Failure(fingerprint, words, error.hint, error.may_pass), None
        except Exception:
            # A fault of this program must not leave the askers waiting; it is logged whole.
            outcome = FAULT
            log.exception("asking %s failed", found.path, extra={"fields": {"event": "fault", "binary": found.path}})
            words = f"{found.path} could not be asked: a fault in prober itself, see its log"
            return Failure(fingerprint, words, may_pass=True), None
        finally:
            if found.kind == "binary":
                self._tell_end(found.path, outcome, time.monotonic() - began)
        if seconds is None:
            seconds = time.monotonic() - began
        learned = Learned(fingerprint=fingerprint, seconds=seconds, timings=timings, asked_at=asked_at, **held)
        return Success(learned, capabilities, "recording" if ran is None else "interview"), ran

    def _tell_stale(self, path: str, change: PartChange) -> None:
        """What the disk has of a binary that nothing is known of yet no longer holds."""
        self._observer.stale(change.part, "start")
        fields = {"event": "stale", "binary": path, "part": change.part, "found_by": "start"}
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


def change_since(before: Fingerprint, now: Fingerprint | None, ran: Ran) -> PartChange | None:
    """What changed during an interview: of the rest of the fingerprint, or of the files that its processes ran.

    These are what they were when they were mapped where each is the same file, and was not written since the interview
    began.  A date in the future says nothing.
    """
    if now is None or (change := change_of(before.model_copy(update={"files": now.files}), now)) is not None:
        return change if now is not None else change_of(before, now)
    until = time.time_ns()
    marks = {mark.path: mark for mark in (now.file, *now.files)}
    for file in ran.files:
        mark = marks[file.path]
        if (file.device, file.inode) != (mark.device, mark.inode):
            return PartChange("files", f"{file.path} was replaced by another file")
        if ran.began_ns < mark.ctime_ns <= until:
            return PartChange("files", f"{file.path} was written or replaced")
    return None


def _paths_of(ran: Ran, binary: str) -> tuple[FileMark, ...]:
    """What is to be looked at of what ran; the binary itself is in any case."""
    paths = (*(file.path for file in ran.files), *ran.links)
    return tuple(FileMark(path) for path in paths if path != binary)


def _files_of(fingerprint: Fingerprint | None) -> tuple[FileMark, ...]:
    return () if fingerprint is None else fingerprint.files


def _watched_before(answer: Answer | None) -> tuple[FileMark, ...]:
    """What a failure depends on besides: what the last process ran that could be asked."""
    files = _files_of(answer.fingerprint) if answer is not None else ()
    return files if any(mark.path == _LOADER_CACHE for mark in files) else (*files, FileMark(_LOADER_CACHE))


def _ahead_ns() -> int:
    """How far the clock that files are dated by is ahead of the one that nobody sets."""
    return time.time_ns() - time.monotonic_ns()


async def _ended(task: asyncio.Task[None]) -> None:
    """Wait for a task without becoming part of it: a waiter that is cancelled leaves it running."""
    await asyncio.wait([task])
