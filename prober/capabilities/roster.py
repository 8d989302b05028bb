"""The binaries of the catalog, by id and by path.  Knows no event loop, and does no I/O."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import NamedTuple

from prober.capabilities.entry import Subject
from prober.capabilities.find import FoundFile
from prober.errors import UnknownBinaryError


class Changes(NamedTuple):
    """What is new on the roster, and what is no longer on it."""

    fresh: list[Subject]
    gone: list[Subject]


class Roster:
    """Who is in the catalog, in the order in which they were found.  An id stays as long as its binary.

    ``links`` maps directories to their real paths, for paths by which nobody was found.
    """

    def __init__(self, links: Mapping[str, str]) -> None:
        self.links = links
        self._subjects: dict[str, Subject] = {}
        self._by_path: dict[str, Subject] = {}

    def __iter__(self) -> Iterator[Subject]:
        """Those that are on it now, whatever changes meanwhile."""
        return iter(list(self._subjects.values()))

    def adopt(self, found: list[FoundFile]) -> Changes:
        """Take over what was found: new binaries come, removed ones go and are marked as gone."""
        wanted = {item.path: item for item in found}
        gone = []
        for subject in self:
            if subject.found.path in wanted:
                subject.found = wanted.pop(subject.found.path)
            else:
                del self._subjects[subject.id]
                subject.gone = True
                gone.append(subject)
        fresh = []
        for item in wanted.values():
            subject = Subject(self._choose_id(item), item)
            self._subjects[subject.id] = subject
            fresh.append(subject)
        self._by_path = {path: subject for subject in self for path in subject.found.paths}
        return Changes(fresh, gone)

    def subject(self, ident: str) -> Subject:
        """The one of this id or path.

        :raise UnknownBinaryError: where there is none.
        """
        subject = self._subjects.get(ident) or self._by_path.get(ident)
        if subject is None and ident.startswith("/"):
            # /bin may be a link to /usr/bin.  Where links lead was looked up before: a client's path never is.
            directory, _, name = ident.rpartition("/")
            subject = self._by_path.get(f"{self.links.get(directory, directory)}/{name}")
        if subject is None:
            raise UnknownBinaryError(f"the catalog has no binary {ident[:200]!r}", hint=self.known_ids())
        return subject

    def known_ids(self) -> str:
        """Who is on it, as a hint."""
        return f"it has {', '.join(self._subjects)}" if self._subjects else "it is empty: no QEMU was found"

    def _choose_id(self, found: FoundFile) -> str:
        """The file's name where no other has it, else with a hash of the path."""
        name = re.sub(r"[^\w.+-]", "_", found.name, flags=re.ASCII).strip(".") or "binary"
        if name not in self._subjects:
            return name
        return f"{name}-{sha256(os.fsencode(found.path)).hexdigest()[:8]}"
