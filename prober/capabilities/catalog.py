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
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.entry import Entry, Failure, Subject, Success
from prober.capabilities.find import CatalogSettings, FoundFile, find_all, find_links
from prober.capabilities.fingerprint import Fingerprint, change_of
from prober.capabilities.fingerprinter import Fingerprinter, own_version
from prober.capabilities.interviewer import Interviewed, Interviewer, real_interviewer
from prober.capabilities.learner import Learner
from prober.capabilities.observer import FoundBy, Observer, stale_part
from prober.capabilities.roster import Roster
from prober.capabilities.watching import Survey, make_fingerprinter, watch
from prober.errors import BinaryFailedError, UnknownBinaryError

__all__ = ["Catalog", "CatalogSettings", "Entry", "Interviewed", "Interviewer"]

log = logging.getLogger(__name__)

#: How often an asker waits for an answer that no longer holds when it is there.
_ROUNDS = 2

#: The watcher is at work while its last look is not longer ago than so many times ``poll_s``, and so many seconds: a
#: look at a busy disk takes its time.
_LOOKS, _PATIENCE = 10, 20.0


class Catalog:
    """The binaries that :class:`CatalogSettings` name.  An async context manager: entering finds the binaries and
    reads the cache, and starts the interviews that are missing without waiting for them.

    ``interviewer`` asks one binary; by default it is :func:`prober.qemu.interview` within the settings' limits.
    ``observer`` is told of what happens.
    ``ident`` is, in every method, the id of an entry or one of its paths.
    """

    def __init__(
        self, settings: CatalogSettings, *, interviewer: Interviewer | None = None, observer: Observer | None = None
    ) -> None:
        self.settings = settings
        self._given_interviewer = interviewer
        self._observer = observer or Observer()
        self._learner = Learner(settings, interviewer or real_interviewer(settings), self._look, self._observer)
        self._roster = Roster({})
        self._watcher: asyncio.Task[None] | None = None
        self._looked_at = 0.0
        self._fingerprinter: Fingerprinter | None = None

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(own_version)
        self._fingerprinter = await asyncio.to_thread(make_fingerprinter, self.settings, watch=True)
        await self._learner.open()
        self._roster = Roster(await asyncio.to_thread(find_links, self.settings))
        fresh = self._adopt(await asyncio.to_thread(find_all, self.settings))
        await asyncio.gather(*(subject.consulted.wait() for subject in fresh))
        self._start_watcher()
        return self

    async def adopt_settings(self, settings: CatalogSettings) -> None:
        """Go on by other settings: what they find anew is learnt about, what they no longer find is dropped.

        Interviews that are under way go on, and what is known stays where it still holds.  ``cache_dir`` is not heeded:
        the cache stays where it is.  Does nothing where nothing differs, or once it is closing.
        """
        if settings == self.settings:
            return
        fingerprinter = await asyncio.to_thread(make_fingerprinter, settings, watch=True)
        links = await asyncio.to_thread(find_links, settings)
        found = await asyncio.to_thread(find_all, settings)
        if self._learner.closing or self._fingerprinter is None or self._watcher is None:
            fingerprinter.close()
            return
        self.settings = settings
        self._fingerprinter.close()
        self._fingerprinter = fingerprinter
        self._learner.adopt_settings(settings, self._given_interviewer or real_interviewer(settings))
        self._roster.links = links
        self._watcher.cancel()
        self._start_watcher()
        self._adopt(found)

    def is_alive(self) -> bool:
        """Whether changes would be noticed: the watcher is at work, and has looked not long ago."""
        patience = max(_LOOKS * self.settings.poll_s, _PATIENCE)
        return self._watcher is not None and not self._watcher.done() and time.monotonic() - self._looked_at < patience

    def _start_watcher(self) -> None:
        self._looked()
        self._watcher = asyncio.create_task(watch(self.settings, self._notice, self._looked), name="catalog watcher")

    def _looked(self) -> None:
        self._looked_at = time.monotonic()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop asking; askers that wait get a :class:`BinaryFailedError`.  May be called twice."""
        tasks = [subject.task for subject in self._roster if subject.task is not None]
        if self._watcher is not None:
            tasks.append(self._watcher)
        await self._learner.close(tasks)
        if self._fingerprinter is not None:
            self._fingerprinter.close()
            self._fingerprinter = None

    def entries(self) -> list[Entry]:
        """All entries as they are now, in the order they were found; compares, and waits for nothing."""
        subjects = list(self._roster)
        for subject in subjects:
            if not self._learner.closing and not self._is_fresh(subject):
                self._learner.start(subject)
        return [subject.entry() for subject in subjects]

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
        seen = self._look(subject.found)
        change = change_of(subject.answer.fingerprint, seen)
        if change is not None and subject.task is None:
            self._tell_stale(subject, seen, change, "use")
        return change is None

    def _tell_stale(self, subject: Subject, seen: Fingerprint | None, change: str, by: FoundBy) -> None:
        """Somebody saw that an answer no longer holds."""
        assert subject.answer is not None
        part = stale_part(subject.answer.fingerprint, seen)
        self._observer.stale(part, by)
        fields = {"event": "stale", "binary": subject.found.path, "part": part, "found_by": by}
        log.info("%s is asked again: %s", subject.found.path, change, extra={"fields": fields})

    def _look(self, found: FoundFile) -> Fingerprint | None:
        assert self._fingerprinter is not None, "the catalog is entered before it is used"
        return self._fingerprinter.look(found)

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
            if subject.answer is None or subject.task is not None or subject.found.path not in seen.fingerprints:
                continue
            fingerprint = seen.fingerprints[subject.found.path]
            change = change_of(subject.answer.fingerprint, fingerprint)
            if change is not None:
                self._tell_stale(subject, fingerprint, change, "watch")
                assert self._fingerprinter is not None
                self._fingerprinter.forget()
                self._learner.start(subject)
