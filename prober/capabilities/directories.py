"""What is in directories, looked at again only where it may have changed.

A directory is looked at again when its own ``stat`` differs, or when inotify has an event for something in it that
matters; where it cannot be watched, each time.  One directory serves all binaries that have files in it.  What neither
can see is a file that is changed through a hard link from another directory, through a memory map, or by another host
on a network file system.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from prober.capabilities.fingerprint import FileMark
from prober.capabilities.inotify import CONTENTS, NAMES, Inotify
from prober.capabilities.marks import Stat, mark_of, marks_in, stat_of


class _Directory:
    """One directory: what of it matters, and how that was when it was last looked at.

    ``version`` grows whenever something of that differs.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.watch: int | None = None
        self.mask = 0
        self.seen: Stat | None = None
        self.looked_at = 0
        self.is_dirty = True
        self.version = 0
        #: Files by name; and, where all of it matters, the whole list.
        self.files: dict[str, FileMark] = {}
        self.is_listed = False
        self.listed: tuple[FileMark, ...] = ()
        #: What matters besides, to whoever watches: names, and the beginnings of names.
        self.names: set[bytes] = set()
        self.prefixes: tuple[bytes, ...] = ()

    def concerns(self, name: bytes) -> bool:
        """Whether this name matters; the empty one is the directory itself."""
        return not name or self.is_listed or name in self.names or name.startswith(self.prefixes)

    def look(self) -> None:
        """Look at all that matters."""
        files = {name: mark_of(f"{self.path.rstrip('/')}/{name}") for name in self.files}
        listed = marks_in(self.path) if self.is_listed and self.seen is not None else ()
        if files != self.files or listed != self.listed:
            self.version += 1
            self.files, self.listed = files, listed


class FileGroup:
    """Some files in some directories, which are looked at together.  Made by :meth:`Directories.group`."""

    def __init__(self, paths: tuple[str, ...], directories: tuple[_Directory, ...]) -> None:
        self.paths = paths
        self.directories = directories
        self.versions: tuple[int, ...] = ()
        self.marks: tuple[FileMark, ...] = ()


class Directories:
    """Directories of the host, watched where that is wanted and can be had.  Must be closed; for one thread.

    ``on_event`` is called when something that matters has happened, as soon as that is read.
    """

    def __init__(self, *, watch: bool) -> None:
        self.on_event: Callable[[], None] = lambda: None
        self._directories: dict[str, _Directory] = {}
        self._by_watch: dict[int, set[_Directory]] = {}
        self._turn = 0
        self._inotify: Inotify | None = None
        if watch:
            with suppress(OSError):  # Without inotify all is looked at each time.
                self._inotify = Inotify()

    def close(self) -> None:
        """Give the watches back.  May be called twice."""
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None
        self._directories.clear()
        self._by_watch.clear()

    def fileno(self) -> int | None:
        """What becomes readable when there is something to :meth:`absorb`; None where nothing is watched."""
        return None if self._inotify is None else self._inotify.fileno()

    def forget(self) -> None:
        """Look at everything anew the next time."""
        for directory in self._directories.values():
            directory.is_dirty = True

    def absorb(self) -> None:
        """Take note of what the kernel says has happened.

        To be called before what is known is relied on: each directory is looked at once from one call to the next.
        """
        self._turn += 1
        if self._inotify is None:
            return
        has_news = False
        for watch, name in self._inotify.events():
            if watch == -1:  # Events were lost.
                self.forget()
                has_news = True
            for directory in self._by_watch.get(watch, ()):
                if directory.concerns(name):
                    directory.is_dirty = has_news = True
        if has_news:
            self.on_event()

    def group(self, paths: Iterable[str]) -> FileGroup:
        """These files (absolute paths), to be looked at by :meth:`marks`."""
        paths = tuple(paths)
        of: dict[str, _Directory] = {}
        for path in paths:
            place, _, name = path.rpartition("/")
            directory = of[place] = self._directory(place or "/", NAMES if _is_devices(place) else CONTENTS)
            if name not in directory.files:
                directory.files[name] = FileMark("")
                directory.names.add(os.fsencode(name))
                directory.is_dirty = True
        return FileGroup(paths, tuple(of.values()))

    def prepare(self, paths: Iterable[str]) -> Iterator[None]:
        """Look at the places of these files ahead of :meth:`group`, one a step: which of them are new takes a while."""
        for directory in self.group(paths).directories:
            self._refresh(directory)
            yield

    def marks(self, group: FileGroup) -> tuple[FileMark, ...]:
        """The files of a group as they are now, in its order; the same object as before where nothing changed."""
        for directory in group.directories:
            self._refresh(directory)
        versions = tuple([directory.version for directory in group.directories])
        if versions != group.versions:
            group.versions = versions
            group.marks = tuple(map(self._mark, group.paths))
        return group.marks

    def listing(self, path: str) -> tuple[FileMark, ...]:
        """All that is in a directory now; the same object as before where nothing changed."""
        directory = self._directory(path, CONTENTS)
        if not directory.is_listed:
            directory.is_listed = directory.is_dirty = True
        self._refresh(directory)
        return directory.listed

    def watch(self, path: str, *, names: Iterable[str] = (), prefix: str = "", mask: int = CONTENTS) -> None:
        """Tell of what happens to these names in a directory, though nothing that is looked at depends on it.

        ``mask`` is what is to be told (:mod:`prober.capabilities.inotify`).
        """
        directory = self._directory(path, mask)
        directory.names.update(map(os.fsencode, names))
        if prefix:
            directory.prefixes = tuple({*directory.prefixes, os.fsencode(prefix)})
        self._refresh(directory)

    def _directory(self, path: str, mask: int) -> _Directory:
        """The one of this path, of which so much is to be told at least."""
        directory = self._directories.get(path)
        if directory is None:
            directory = self._directories[path] = _Directory(path)
        if mask & ~directory.mask:
            directory.mask |= mask
            directory.is_dirty = True
        return directory

    def _mark(self, path: str) -> FileMark:
        place, _, name = path.rpartition("/")
        return self._directories[place or "/"].files[name]

    def _refresh(self, directory: _Directory) -> None:
        if directory.looked_at == self._turn and not directory.is_dirty:
            return
        directory.looked_at = self._turn
        seen = stat_of(directory.path)
        if seen == directory.seen and not directory.is_dirty and directory.watch is not None:
            return
        if seen is None and directory.seen is None and not directory.is_dirty:
            return
        # Watched before it is looked at, so that a change in between is an event and not a gap.
        self._watch(directory, seen)
        directory.seen, directory.is_dirty = seen, False
        directory.look()

    def _watch(self, directory: _Directory, seen: Stat | None) -> None:
        if self._inotify is None:
            return
        before, directory.watch = directory.watch, None
        with suppress(OSError):
            if seen is not None:
                directory.watch = self._inotify.add(Path(directory.path), directory.mask)
                self._by_watch.setdefault(directory.watch, set()).add(directory)
        if before is not None and before != directory.watch:
            sharers = self._by_watch.get(before, set())
            sharers.discard(directory)
            if not sharers:
                self._by_watch.pop(before, None)
                self._inotify.remove(before)


def _is_devices(place: str) -> bool:
    """Whether these are device nodes, of whose contents nothing is to be told: that would be all that is written."""
    return place == "/dev" or place.startswith("/dev/")
