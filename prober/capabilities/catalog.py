"""The QEMU binaries of this host, each asked once, and asked again when anything changed.

    directories, paths ──find──▶ subjects ──fingerprint──▶ the answer in memory, if it depends on the same things
                                                     └───▶ else the cache's, if that does
                                                     └───▶ else a new interview (at most N at once)

Guarantees:

- However many ask about one binary at the same time, it is asked once; an asker that goes away stops nothing.
- The fingerprint is compared at every use, and by a watcher whenever the kernel tells of a change and every few
  seconds, so that a change starts a new interview before anyone asks.  An interview during which the binary, or
  anything that it runs, changed counts for nothing.
- A failure is remembered with its fingerprint, and is not tried again until something changes or
  :meth:`Catalog.refresh` asks for it.  One that may pass (QEMU stood still, the host had no process left) is tried
  again after ``retry_s`` seconds, and ever more seldom; until that has ended it stands.  It is kept in memory alone: a
  restart tries again.
- When the catalog is closed, no task of it is left, and what its interviews started is gone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.changes import ChangeLog
from prober.capabilities.entry import Entry, Failure, Subject, Success
from prober.capabilities.find import CatalogSettings, FoundFile, find_all, find_links
from prober.capabilities.fingerprint import FileMark, Fingerprint, PartChange, change_of
from prober.capabilities.fingerprinter import Fingerprinter, own_version
from prober.capabilities.interviewer import Interviewed, Interviewer, RecordingReader, real_interviewer
from prober.capabilities.learner import HostView, Learner
from prober.capabilities.observer import CatalogObserver, FoundBy
from prober.capabilities.roster import Roster
from prober.capabilities.summarize import Summarizer, count_difference
from prober.capabilities.telling import Teller
from prober.capabilities.watching import Expected, Survey, Watcher, make_fingerprinter, make_warm_fingerprinter
from prober.errors import BinaryFailedError, UnknownBinaryError
from prober.qemu.files import read_recording

__all__ = ["Catalog", "CatalogSettings", "Entry", "Interviewed", "Interviewer"]

log = logging.getLogger(__name__)

#: How often an asker waits for an answer that no longer holds when it is there.
_ROUNDS = 2

#: The watcher is at work while its last look is not longer ago than so many times ``poll_s``, and so many seconds: a
#: look at a busy disk takes its time.
_LOOKS, _PATIENCE = 10, 20.0

#: After so long (seconds) it is others' turn.
_TURN_S = 0.001


class Catalog:
    """The binaries that :class:`CatalogSettings` name.  An async context manager: entering finds the binaries and
    reads the cache, and starts the interviews that are missing without waiting for them.

    ``interviewer`` asks one binary; by default it is one that ``interviewers`` gives for the settings, as such
    :func:`prober.qemu.interview` within their limits.  ``reader`` reads the recordings that stand in for binaries, by
    default in threads of this process.  ``summarize`` works out what differs between two answers, ``observer`` is told
    of what happens.  ``root`` is where the host's ``/proc``, ``/sys``, ``/dev`` and ``/run`` are looked at.
    ``ident`` is, in every method, the id of an entry or one of its paths.
    """

    def __init__(
        self,
        settings: CatalogSettings,
        *,
        interviewer: Interviewer | None = None,
        interviewers: Callable[[CatalogSettings], Interviewer] = real_interviewer,
        reader: RecordingReader = read_recording,
        observer: CatalogObserver | None = None,
        summarize: Summarizer = count_difference,
        root: Path = Path("/"),
    ) -> None:
        self.settings = settings
        self._root = root
        self._given_interviewer = interviewer
        self._interviewers = interviewers
        self._observer = observer or CatalogObserver()
        self._teller = Teller(ChangeLog(), summarize)
        asks = interviewer or interviewers(settings)
        view = HostView(self._look, self._prepare, self._settle)
        self._learner = Learner(settings, asks, view, self._teller, self._observer, reader)
        self._roster = Roster({})
        self._watcher: Watcher | None = None
        self._watching: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._fingerprinter: Fingerprinter | None = None

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(own_version)
        self._fingerprinter = await asyncio.to_thread(make_fingerprinter, self.settings, watch=True, root=self._root)
        self._watcher = Watcher(self.settings, self._fingerprinter, self._expected, self._notice)
        await self._learner.open()
        self._roster = Roster(await asyncio.to_thread(find_links, self.settings))
        fresh = self._adopt(await asyncio.to_thread(find_all, self.settings))
        await asyncio.gather(*(subject.consulted.wait() for subject in fresh))
        self._watching = self._start(self._watcher.run(), "catalog watcher")
        self._start(self._teller.run(), "catalog teller")
        return self

    async def adopt_settings(self, settings: CatalogSettings) -> None:
        """Go on by other settings: what they find anew is learnt about, what they no longer find is dropped.

        Interviews that are under way go on, and what is known stays where it still holds.  ``cache_dir`` is not heeded:
        the cache stays where it is.  Does nothing where nothing differs, or once it is closing.
        """
        if settings == self.settings:
            return
        known = [(subject.found, _files_of(subject)) for subject in self._roster]
        fingerprinter = await asyncio.to_thread(make_warm_fingerprinter, settings, known, self._root)
        links = await asyncio.to_thread(find_links, settings)
        found = await asyncio.to_thread(find_all, settings)
        if self._watching is not None:
            self._watching.cancel()  # It listens to what is closed below.
            await asyncio.wait([self._watching])
        if self._learner.closing or self._fingerprinter is None:
            fingerprinter.close()
            return
        self.settings = settings
        self._fingerprinter.close()
        self._fingerprinter = fingerprinter
        self._learner.adopt_settings(settings, self._given_interviewer or self._interviewers(settings))
        self._roster.links = links
        self._watcher = Watcher(settings, fingerprinter, self._expected, self._notice)
        self._watching = self._start(self._watcher.run(), "catalog watcher")
        self._adopt(found)

    def is_alive(self) -> bool:
        """Whether changes would be noticed: the watcher is at work, and has looked not long ago."""
        if self._watcher is None or self._watching is None or self._watching.done():
            return False
        return time.monotonic() - self._watcher.looked_at < max(_LOOKS * self.settings.poll_s, _PATIENCE)

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Do this beside all else, until the catalog is closed."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop asking; askers that wait get a :class:`BinaryFailedError`.  May be called twice."""
        tasks = [subject.task for subject in self._roster if subject.task is not None]
        self.changes.close()
        await self._learner.close([*tasks, *self._tasks])
        if self._fingerprinter is not None:
            self._fingerprinter.close()
            self._fingerprinter = None

    @property
    def changes(self) -> ChangeLog:
        """What has changed in the answers since the catalog was made."""
        return self._teller.changes

    def entries(self) -> list[Entry]:
        """All entries as they are now, in the order they were found; compares, and waits for nothing."""
        subjects = list(self._roster)
        for subject in subjects:
            if not self._learner.closing and not self._is_fresh(subject):
                self._learner.start(subject)
        return [subject.entry() for subject in subjects]

    async def list_entries(self) -> list[Entry]:
        """The same with others' turns between where it takes long, as the first look at each binary does."""
        turn = time.perf_counter()
        for subject in list(self._roster):
            for _ in self._look_ahead(subject):
                if time.perf_counter() - turn > _TURN_S:
                    await asyncio.sleep(0)
                    turn = time.perf_counter()
        return self.entries()

    def _look_ahead(self, subject: Subject) -> Iterator[None]:
        """Look at a binary, a part of a millisecond a step; others may close the catalog between two."""
        fingerprinter, files = self._fingerprinter, _files_of(subject)
        if fingerprinter is None:
            return
        for _ in () if fingerprinter.has_looked(subject.found, files) else fingerprinter.prepare(files):
            yield
            if self._fingerprinter is not fingerprinter:
                return
        fingerprinter.look(subject.found, files)
        yield

    async def find(self, ident: str) -> Entry:
        """One entry, ``ready`` or ``failed``; waits for its interview.

        :raise UnknownBinaryError: where the catalog has no such binary.
        """
        subject = self._roster.subject(ident)
        with suppress(BinaryFailedError):  # The entry says so itself.
            await self._answer(subject)
        return subject.entry()

    async def find_for_target(self, target: str) -> Entry:
        """The entry for a guest architecture, in QEMU's name for it (``x86_64``, ``i386``, ``aarch64``).

        The binary called ``qemu-system-TARGET``, else the newest binary that has this target, else the newest
        recording; of equals the one found first.

        :raise UnknownBinaryError: where the catalog has none.
        """
        for subject in self._roster:
            if subject.found.kind == "binary" and subject.found.name == f"qemu-system-{target}":
                return await self.find(subject.id)
        await self.settled()
        fitting = [entry for entry in self.entries() if target in entry.targets and entry.version is not None]
        if not fitting:
            raise UnknownBinaryError(f"there is no binary for {target} guests", hint=self._roster.known_ids())
        return max(fitting, key=lambda entry: (entry.kind == "binary", entry.version))

    async def capabilities(self, ident: str) -> Capabilities:
        """What a binary can do, as of now.  Where nothing changed this takes 40 µs and does not wait.

        :raise UnknownBinaryError: where the catalog has no such binary.
        :raise BinaryFailedError: where it could not be asked; the reason is remembered.
        """
        return (await self.use(ident))[1]

    async def use(self, ident: str) -> tuple[FoundFile, Capabilities]:
        """The file behind an entry, and what it can do, as :meth:`capabilities` gives it."""
        found, known = await self.know(ident)
        return found, known.capabilities

    async def know(self, ident: str) -> tuple[FoundFile, Success]:
        """The file behind an entry, and all that is known of it, what that depends on too; as :meth:`capabilities`."""
        subject = self._roster.subject(ident)
        answer = await self._answer(subject)
        return subject.found, answer

    async def refresh(self, ident: str) -> Entry:
        """Ask a binary again, whatever is known of it; joins the interview that is already under way.

        :raise UnknownBinaryError: where the catalog has no such binary.
        """
        subject = self._roster.subject(ident)
        await self._learner.learn(subject, use_cache=False)
        return subject.entry()

    async def settled(self) -> None:
        """Wait until each entry is ``ready`` or ``failed``."""
        while waiting := [subject.task for subject in self._roster if subject.task is not None]:
            await asyncio.wait(waiting)

    async def _answer(self, subject: Subject) -> Success:
        """The answer that holds now.

        :raise BinaryFailedError: where there is none.
        """
        for _ in range(_ROUNDS):
            if not self._learner.closing and self._is_fresh(subject):
                assert subject.answer is not None
                if isinstance(subject.answer, Failure):
                    raise subject.answer.error()
                self._observer.used()
                return subject.answer
            await self._learner.learn(subject)
        raise BinaryFailedError(f"{subject.found.path} changes faster than it can be asked", hint="try again later")

    def _is_fresh(self, subject: Subject) -> bool:
        """Compare what the answer depends on with what is there now; the difference is logged once."""
        if subject.answer is None:
            return False
        known = subject.answer.fingerprint
        change = change_of(known, self._look(subject.found, _files_of(subject)))
        if change is not None and subject.task is None:
            self._tell_stale(subject, change, "use")
        return change is None

    def _tell_stale(self, subject: Subject, change: PartChange, by: FoundBy) -> None:
        """Somebody saw that an answer no longer holds."""
        self._observer.stale(change.part, by)
        fields = {"event": "stale", "binary": subject.found.path, "part": change.part, "found_by": by}
        log.info("%s is asked again: %s", subject.found.path, change, extra={"fields": fields})

    def _look(self, found: FoundFile, files: tuple[FileMark, ...]) -> Fingerprint | None:
        assert self._fingerprinter is not None, "the catalog is entered before it is used"
        return self._fingerprinter.look(found, files)

    async def _prepare(self, files: Iterable[FileMark]) -> None:
        fingerprinter = self._fingerprinter
        assert fingerprinter is not None, "the catalog is entered before it is used"
        for _ in fingerprinter.prepare(files):
            await asyncio.sleep(0)
            if self._fingerprinter is not fingerprinter:  # It was closed meanwhile.
                return

    async def _settle(self) -> None:
        if self._watcher is not None:
            await self._watcher.settle()

    def _expected(self) -> Expected:
        """What each answer depends on, by the path of its file."""
        return {
            subject.found.path: subject.answer.fingerprint for subject in self._roster if subject.answer is not None
        }

    def _adopt(self, found: list[FoundFile]) -> list[Subject]:
        """Take over what was found, and learn about what is new, which is returned."""
        fresh, gone = self._roster.adopt(found)
        for subject in gone:
            self._learner.drop(subject)
        for subject in fresh:
            self._learner.start(subject)
        return fresh

    def _notice(self, seen: Survey) -> None:
        """What the watcher saw: learn anew about what is no longer what it was."""
        self._adopt(seen.found)
        for subject in self._roster:
            path = subject.found.path
            if subject.answer is None or subject.task is not None or path not in seen.expected:
                continue
            if path not in seen.fingerprints or seen.expected[path] is not subject.answer.fingerprint:
                continue  # It was learned meanwhile.
            change = change_of(subject.answer.fingerprint, seen.fingerprints[path])
            if change is not None:
                self._tell_stale(subject, change, "watch")
                assert self._fingerprinter is not None
                self._fingerprinter.forget()
                self._learner.start(subject)
        self._learner.try_again(self._roster)


def _files_of(subject: Subject) -> tuple[FileMark, ...]:
    """What a process of it was seen to run."""
    fingerprint = None if subject.answer is None else subject.answer.fingerprint
    return () if fingerprint is None else fingerprint.files
