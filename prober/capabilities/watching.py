"""Looking for changes on the disk before anyone asks.

The kernel tells of what happens in the directories that matter (:mod:`prober.capabilities.directories`); when it has
been quiet for a moment, all is looked at, so that a package is installed when its QEMU is asked.  What the kernel does
not tell of (KVM's parameters and the microcode in sysfs, network file systems, hard links, mounts) is found by looking
every few seconds, without help from what makes the comparison at every use fast.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from prober.capabilities.find import CatalogSettings, FoundFile, find_all
from prober.capabilities.fingerprint import FileMark, Fingerprint
from prober.capabilities.fingerprinter import Fingerprinter

log = logging.getLogger(__name__)

#: So long (seconds) nothing may have happened before a QEMU is asked, and so long it is waited for that at most.
#: Within a package dpkg renames files a few milliseconds apart.
_QUIET_S = 0.1
_LONGEST_S = 2.0

#: How many file descriptors a look takes at once, and a few for who else is at work meanwhile.
_LOOK_TAKES = 16

#: What is known of each file by its path: what its answer depends on, None where there is none.
Expected = Mapping[str, Fingerprint | None]


class Survey(NamedTuple):
    """What is there: all files, the fingerprint of each by its path (None where it has none), and what was expected."""

    found: list[FoundFile]
    fingerprints: dict[str, Fingerprint | None]
    expected: Expected


def make_fingerprinter(settings: CatalogSettings, *, watch: bool, root: Path = Path("/")) -> Fingerprinter:
    """One for what these settings find, on the host whose ``/proc``, ``/sys`` and ``/dev`` are in ``root``.  Blocks."""
    variant = "" if settings.accel == "auto" else settings.accel
    return Fingerprinter(root=root, module_directories=settings.module_directories, variant=variant, watch=watch)


def make_warm_fingerprinter(
    settings: CatalogSettings, known: Iterable[tuple[FoundFile, tuple[FileMark, ...]]], root: Path = Path("/")
) -> Fingerprinter:
    """One that watches, and has looked at these files and at what each runs already.  Blocks.

    The first look at a binary takes some milliseconds, which are too long for an event loop.
    """
    fingerprinter = make_fingerprinter(settings, watch=True, root=root)
    try:
        for found, files in known:
            fingerprinter.look(found, files)
    except BaseException:
        fingerprinter.close()
        raise
    return fingerprinter


def survey(settings: CatalogSettings, expected: Expected, root: Path = Path("/")) -> Survey:
    """All read anew.  Blocks.

    :raise OSError: where no file descriptors are to be had: what cannot be opened would seem to be gone.
    """
    _require_descriptors()
    found = find_all(settings)
    with make_fingerprinter(settings, watch=False, root=root) as fingerprinter:
        seen = {}
        for item in found:
            known = expected.get(item.path)
            seen[item.path] = fingerprinter.look(item, () if known is None else known.files)
        return Survey(found, seen, expected)


def _require_descriptors() -> None:
    """:raise OSError: where not so many can be had as a look takes."""
    held: list[int] = []
    try:
        while len(held) < _LOOK_TAKES:
            held.append(os.open("/", os.O_PATH | os.O_CLOEXEC))
    finally:
        for descriptor in held:
            os.close(descriptor)


class Watcher:
    """Watches for a catalog.  ``expected`` tells what is known now, ``notice`` is told what was seen.

    ``looked_at`` is when it last looked (``time.monotonic()``).  For the event loop that it is made on.
    """

    def __init__(
        self,
        settings: CatalogSettings,
        fingerprinter: Fingerprinter,
        expected: Callable[[], Expected],
        notice: Callable[[Survey], None],
    ) -> None:
        self._settings = settings
        self._fingerprinter = fingerprinter
        self._expected = expected
        self._notice = notice
        self._root = fingerprinter.root
        self._paths = (*settings.paths, *([settings.qemu_kvm] if settings.qemu_kvm is not None else []))
        self._loop = asyncio.get_running_loop()
        self._has_news = asyncio.Event()
        self._last = float("-inf")
        self.looked_at = time.monotonic()

    async def run(self) -> None:
        """Watch until this is cancelled."""
        with self._told_by_the_kernel():
            while True:
                self.looked_at = time.monotonic()
                # A few system calls each time: a directory may be new.
                self._fingerprinter.watch_places(self._settings.directories, self._paths)
                await self._wait()
                # What happens from here on is for the next look.
                self._has_news.clear()
                try:
                    seen = await asyncio.to_thread(survey, self._settings, self._expected(), self._root)
                except OSError as error:
                    log.warning("changes of QEMU binaries are not looked for now: %s", error.strerror)
                    continue
                except Exception:  # The watcher outlives whatever one look meets.
                    log.exception("looking for QEMU binaries failed")
                    continue
                self._notice(seen)

    async def settle(self) -> None:
        """Wait until nothing that matters has happened for a moment: not for long, if there is no end of it."""
        until = self._loop.time() + _LONGEST_S
        while True:
            now = self._loop.time()
            left = min(self._last + _QUIET_S, until) - now
            if left <= 0:
                return
            await asyncio.sleep(left)

    @contextmanager
    def _told_by_the_kernel(self) -> Iterator[None]:
        directories = self._fingerprinter.directories
        descriptor = directories.fileno()
        directories.on_event = self._note
        if descriptor is not None:
            self._loop.add_reader(descriptor, directories.absorb)
        try:
            yield
        finally:
            directories.on_event = lambda: None
            if descriptor is not None:
                self._loop.remove_reader(descriptor)

    def _note(self) -> None:
        self._last = self._loop.time()
        self._has_news.set()

    async def _wait(self) -> None:
        """Until something happened and is over, or it is time to look in any case."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.poll_s):
                await self._has_news.wait()
        await self.settle()
