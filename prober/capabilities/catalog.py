"""The QEMU binaries of this host, each asked once, and asked again when anything changed.

    directories, paths ──find──▶ subjects ──fingerprint──▶ the answer in memory, if it depends on the same things
                                                     └───▶ else the cache's, if that does
                                                     └───▶ else a new interview (at most N at once)

Guarantees:

- However many ask about one binary at the same time, it is asked once; an asker that goes away stops nothing.
- The fingerprint is compared at every use, and every few seconds by a watcher, so that a change starts a new
  interview before anyone asks.  An interview during which the binary changed counts for nothing.
- A failure is remembered with its fingerprint, and is not tried again until something changes or
  :meth:`Catalog.refresh` asks for it.  It is kept in memory alone: a restart tries again.
- When the catalog is closed, no task of it is left, and what its interviews started is gone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from types import TracebackType
from typing import Any, Self

from prober.capabilities.cache import DiskCache, Learned
from prober.capabilities.capabilities import Capabilities
from prober.capabilities.compact import make_compact
from prober.capabilities.entry import Answer, Entry, Failure, Subject, Success
from prober.capabilities.find import CatalogSettings, FoundFile, find_all, find_links
from prober.capabilities.fingerprint import Fingerprint, differs
from prober.capabilities.fingerprinter import Fingerprinter, own_version
from prober.capabilities.interviewer import Interviewed, Interviewer, real_interviewer
from prober.errors import BinaryFailedError, ProberError, UnknownBinaryError
from prober.qemu.files import read_recording

__all__ = ["Catalog", "CatalogSettings", "Entry", "Interviewed", "Interviewer"]

log = logging.getLogger(__name__)

#: How often a binary that changes while it is being asked is asked in a row.
_ATTEMPTS = 3
#: How often an asker waits for an answer that no longer holds when it is there.
_ROUNDS = 2
#: How long (seconds) closing waits for entries that are being written to the cache.
_BACKGROUND_GRACE = 0.5
#: How long (seconds) after an answer its memory is tidied: whoever asked for it has been told by then.
_TIDY_AFTER = 0.05


class Catalog:
    """The binaries that :class:`CatalogSettings` name.  An async context manager: entering finds the binaries and
    reads the cache, and starts the interviews that are missing without waiting for them.

    ``interviewer`` asks one binary; by default it is :func:`prober.qemu.interview` within the settings' limits.
    ``ident`` is, in every method, the id of an entry or one of its paths.
    """

    def __init__(self, settings: CatalogSettings, *, interviewer: Interviewer | None = None) -> None:
        self.settings = settings
        self._interviewer = interviewer or real_interviewer(settings)
        self._subjects: dict[str, Subject] = {}
        self._by_path: dict[str, Subject] = {}
        self._cache = None if settings.cache_dir is None else DiskCache(settings.cache_dir)
        self._slots = asyncio.Semaphore(settings.max_interviews)
        self._background: set[asyncio.Task[Any]] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._host: Fingerprinter | None = None
        self._links: dict[str, str] = {}
        self._closing = False

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(own_version)
        self._host = await asyncio.to_thread(self._make_host, watch=True)
        if self._cache is not None:
            await self._cache.open()
        self._links = await asyncio.to_thread(find_links, self.settings)
        fresh = self._adopt(await asyncio.to_thread(find_all, self.settings))
        await asyncio.gather(*(subject.consulted.wait() for subject in fresh))
        self._watcher = asyncio.create_task(self._watch(), name="catalog watcher")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop asking; askers that wait get a :class:`BinaryFailedError`.  May be called twice."""
        self._closing = True
        tasks = [subject.task for subject in self._subjects.values() if subject.task is not None]
        if self._watcher is not None:
            tasks.append(self._watcher)
        for task in tasks:
            task.cancel()
        if self._background:
            await asyncio.wait(self._background, timeout=_BACKGROUND_GRACE)
        left = [*tasks, *self._background]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if self._host is not None:
            self._host.close()
            self._host = None

    def entries(self) -> list[Entry]:
        """All entries as they are now, in the order they were found; compares, and waits for nothing."""
        subjects = list(self._subjects.values())
        for subject in subjects:
            if not self._closing and not self._is_fresh(subject):
                self._start(subject)
        return [subject.entry() for subject in subjects]

    async def find(self, ident: str) -> Entry:
        """One entry, ``ready`` or ``failed``; waits for its interview.

        :raise UnknownBinaryError: where the catalog has no such binary.
        """
        subject = self._subject(ident)
        with suppress(BinaryFailedError):  # The entry says so itself.
            await self._answer(subject)
        return subject.entry()

    async def find_for_target(self, target: str) -> Entry:
        """The entry for a guest architecture, in QEMU's name for it (``x86_64``, ``i386``, ``aarch64``).

        The binary called ``qemu-system-TARGET``, else the newest binary that has this target, else the newest
        recording; of equals the one found first.

        :raise UnknownBinaryError: where the catalog has none.
        """
        for subject in self._subjects.values():
            if subject.found.kind == "binary" and subject.found.name == f"qemu-system-{target}":
                return await self.find(subject.id)
        await self.settled()
        fitting = [entry for entry in self.entries() if target in entry.targets and entry.version is not None]
        if not fitting:
            raise UnknownBinaryError(f"there is no binary for {target} guests", hint=self._known_ids())
        return max(fitting, key=lambda entry: (entry.kind == "binary", entry.version))

    async def capabilities(self, ident: str) -> Capabilities:
        """What a binary can do, as of now.  Where nothing changed this takes 40 µs and does not wait.

        :raise UnknownBinaryError: where the catalog has no such binary.
        :raise BinaryFailedError: where it could not be asked; the reason is remembered.
        """
        return (await self.use(ident))[1]

    async def use(self, ident: str) -> tuple[FoundFile, Capabilities]:
        """The file behind an entry, and what it can do, as :meth:`capabilities` gives it."""
        subject = self._subject(ident)
        answer = await self._answer(subject)
        return subject.found, answer.capabilities

    async def refresh(self, ident: str) -> Entry:
        """Ask a binary again, whatever is known of it; joins the interview that is already under way.

        :raise UnknownBinaryError: where the catalog has no such binary.
        """
        subject = self._subject(ident)
        await _ended(self._start(subject, use_cache=False))
        return subject.entry()

    async def settled(self) -> None:
        """Wait until each entry is ``ready`` or ``failed``."""
        while waiting := [subject.task for subject in self._subjects.values() if subject.task is not None]:
            await asyncio.wait(waiting)

    # Asking.

    def _subject(self, ident: str) -> Subject:
        subject = self._subjects.get(ident) or self._by_path.get(ident)
        if subject is None and ident.startswith("/"):
            # /bin may be a link to /usr/bin.  Where links lead was looked up before: a client's path never is.
            directory, _, name = ident.rpartition("/")
            subject = self._by_path.get(f"{self._links.get(directory, directory)}/{name}")
        if subject is None:
            raise UnknownBinaryError(f"the catalog has no binary {ident[:200]!r}", hint=self._known_ids())
        return subject

    def _known_ids(self) -> str:
        return f"it has {', '.join(self._subjects)}" if self._subjects else "it is empty: no QEMU was found"

    async def _answer(self, subject: Subject) -> Success:
        """The answer that holds now.

        :raise BinaryFailedError: where there is none.
        """
        for _ in range(_ROUNDS):
            if not self._closing and self._is_fresh(subject):
                assert subject.answer is not None
                if isinstance(subject.answer, Failure):
                    raise subject.answer.error()
                return subject.answer
            await _ended(self._start(subject))
        raise BinaryFailedError(f"{subject.found.path} changes faster than it can be asked", hint="try again later")

    def _is_fresh(self, subject: Subject) -> bool:
        """Compare what the answer depends on with what is there now; the difference is logged once."""
        if subject.answer is None:
            return False
        change = _change(subject.answer.fingerprint, self._look(subject.found))
        if change is not None and subject.task is None:
            log.info("%s is asked again: %s", subject.found.path, change)
        return change is None

    def _look(self, found: FoundFile) -> Fingerprint | None:
        assert self._host is not None, "the catalog is entered before it is used"
        return _look(self._host, found)

    def _start(self, subject: Subject, *, use_cache: bool = True) -> asyncio.Task[None]:
        """The task that learns about a binary: the one under way, or a new one."""
        if self._closing or subject.gone:
            why = "the catalog is closing" if self._closing else "it is no longer in the catalog"
            raise BinaryFailedError(f"{subject.found.path} is not asked: {why}")
        if subject.task is None:
            subject.task = asyncio.create_task(self._learn(subject, use_cache=use_cache), name=f"learn {subject.id}")
        return subject.task

    async def _learn(self, subject: Subject, *, use_cache: bool) -> None:
        try:
            stored = await self._restore(subject.found) if use_cache else None
            subject.consulted.set()
            subject.answer = stored or await self._ask_in_turn(subject)
        finally:
            subject.task = None
            subject.consulted.set()

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
            change = _change(answer.fingerprint, self._look(found))
            if change is None:
                return answer
            log.info("%s changed while it was asked: %s", found.path, change)
        return Failure(answer.fingerprint, f"{found.path} changes while it is asked", "try again later")

    async def _restore(self, found: FoundFile) -> Success | None:
        """The cache's answer, where it depends on what is there now."""
        if self._cache is None or (stored := await self._cache.read(found.path)) is None:
            return None
        learned, capabilities = stored
        change = _change(learned.fingerprint, self._look(found))
        if change is not None:
            log.info("the cache entry of %s is out of date: %s", found.path, change)
            return None
        return Success(learned, capabilities, "cache")

    async def _ask(self, found: FoundFile) -> Answer:
        fingerprint = self._look(found)
        if fingerprint is None:
            return Failure(None, f"{found.path}: there is no such file, or it may not be looked at")
        began, asked_at = time.monotonic(), time.time()
        seconds: float | None = None
        timings: dict[str, float] = {}
        try:
            if found.kind == "recording":
                recording = await read_recording(found.path)
            else:
                interview = await self._interviewer(found.path)
                recording, seconds, timings = interview.recording, interview.seconds, dict(interview.timings)
            capabilities = await asyncio.to_thread(Capabilities.from_recording, recording)
        except ProberError as error:
            return Failure(fingerprint, f"{found.path} could not be asked: {error.message}", error.hint)
        except Exception:
            # A fault of this program must not leave the askers waiting; it is logged whole.
            log.exception("asking %s failed", found.path)
            return Failure(fingerprint, f"{found.path} could not be asked: a fault in prober itself, see its log")
        if seconds is None:
            seconds = time.monotonic() - began
        learned = Learned(fingerprint=fingerprint, seconds=seconds, timings=timings, asked_at=asked_at)
        return Success(learned, capabilities, "recording" if found.kind == "recording" else "interview")

    # Finding, and watching.

    def _adopt(self, found: list[FoundFile]) -> list[Subject]:
        """Take over what was found: new binaries come (and are returned), removed ones go, ids stay."""
        wanted = {item.path: item for item in found}
        for subject in list(self._subjects.values()):
            if subject.found.path in wanted:
                subject.found = wanted.pop(subject.found.path)
            else:
                self._drop(subject)
        fresh = []
        for item in wanted.values():
            subject = Subject(self._choose_id(item), item)
            self._subjects[subject.id] = subject
            fresh.append(subject)
            self._start(subject)
        self._by_path = {path: subject for subject in self._subjects.values() for path in subject.found.paths}
        return fresh

    def _choose_id(self, found: FoundFile) -> str:
        """The file's name where no other has it, else with a hash of the path."""
        name = re.sub(r"[^\w.+-]", "_", found.name, flags=re.ASCII).strip(".") or "binary"
        if name not in self._subjects:
            return name
        return f"{name}-{sha256(os.fsencode(found.path)).hexdigest()[:8]}"

    def _drop(self, subject: Subject) -> None:
        log.info("%s is gone", subject.found.path)
        del self._subjects[subject.id]
        subject.gone = True
        if subject.task is not None:
            subject.task.cancel()
            self._keep(_ended(subject.task))
        if self._cache is not None:
            self._keep(self._cache.remove(subject.found.path))

    async def _watch(self) -> None:
        """Look for changes every few seconds, without help from what makes the comparison at every use fast."""
        while True:
            await asyncio.sleep(self.settings.poll_s)
            try:
                found, seen = await asyncio.to_thread(self._survey)
            except Exception:  # The watcher outlives whatever one look meets.
                log.exception("looking for QEMU binaries failed")
                continue
            self._adopt(found)
            for subject in list(self._subjects.values()):
                answer = subject.answer
                if answer is None or subject.task is not None or subject.found.path not in seen:
                    continue
                if (change := _change(answer.fingerprint, seen[subject.found.path])) is not None:
                    log.info("%s is asked again: %s", subject.found.path, change)
                    assert self._host is not None
                    self._host.forget()
                    self._start(subject)

    def _survey(self) -> tuple[list[FoundFile], dict[str, Fingerprint | None]]:
        """What is there, all read anew.  Blocks, so it runs in a thread."""
        found = find_all(self.settings)
        with self._make_host(watch=False) as host:
            return found, {item.path: _look(host, item) for item in found}

    def _make_host(self, *, watch: bool) -> Fingerprinter:
        variant = "" if self.settings.accel == "auto" else self.settings.accel
        return Fingerprinter(module_directories=self.settings.module_directories, variant=variant, watch=watch)

    def _keep(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run work behind the askers' back; closing waits for it."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _ended(task: asyncio.Task[None]) -> None:
    """Wait for a task without becoming part of it: a waiter that is cancelled leaves it running."""
    await asyncio.wait([task])


def _look(host: Fingerprinter, found: FoundFile) -> Fingerprint | None:
    """The fingerprint now; None where there is no such file."""
    with suppress(UnknownBinaryError):
        return (host.recording_fingerprint if found.kind == "recording" else host.fingerprint)(found.path)
    return None


def _change(old: Fingerprint | None, new: Fingerprint | None) -> str | None:
    if old is None or new is None:
        return None if old is new else f"file: was {'there' if old else 'not there'}, is {'there' if new else 'gone'}"
    return differs(old, new)
