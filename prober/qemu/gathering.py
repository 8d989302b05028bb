"""Gathering what the processes of one interview run, one process after the other (:class:`prober.qemu.ran.Ran`).

A process is looked at when it has loaded its modules and when it has told of its block drivers, as some types kill the
one that is asked, and once more when it has answered everything: modules are also loaded when a type of them is asked
for.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress

from prober.qemu.box.judged import Judged, MappedFile
from prober.qemu.ran import Ran, RanFile

#: Memory that the kernel shows as a file which no directory has (proc(5), memfd_create(2)): JIT code, shared memory.
_MEMORY = re.compile(r"/memfd:|/dev/zero( \(deleted\))?$|/SYSV[0-9a-f]{8} \(deleted\)$")

_CLOCK_REALTIME_COARSE = 5  # <linux/time.h>; Python has no name for it

#: A directory with more links than this is not searched further.
_MOST_LINKS = 20_000


class Gathering:
    """What is seen of one interview's processes, one after the other."""

    def __init__(self) -> None:
        # Files are dated by the coarse clock: what changes from now on has no earlier date.
        self._began_ns = time.clock_gettime_ns(_CLOCK_REALTIME_COARSE)
        self._files: dict[str, RanFile] = {}
        self._untraced: dict[str, None] = {}
        self._unseen = "no process lived until it could be looked at"

    def add(self, judged: Judged) -> None:
        """A process as it is now."""
        self._add(judged.exe, is_program=True)
        for file in judged.files:
            self._add(file, is_program=False)

    def note_unseen(self, why: str) -> None:
        """A process that could not be looked at: it matters where no other one was."""
        self._unseen = why

    def finish(self) -> Ran:
        """All that was seen.  Reads directories, and blocks for milliseconds."""
        if not self._files and not self._untraced:
            self._untraced[self._unseen] = None
        files = tuple(self._files[path] for path in sorted(self._files))
        return Ran(files, _links_to(self._files), tuple(self._untraced), self._began_ns)

    def _add(self, file: MappedFile, *, is_program: bool) -> None:
        if file.path is None:
            if is_program or not _MEMORY.match(file.inside):
                self._untraced[f"{file.inside} is not a file that is there now"] = None
            return
        known = self._files.setdefault(file.path, RanFile(file.path, file.device, file.inode))
        if (known.device, known.inode) != (file.device, file.inode):
            self._untraced[f"{file.path} was replaced meanwhile"] = None


def _links_to(paths: dict[str, RanFile]) -> tuple[str, ...]:
    """The symbolic links that lead to a file in the same directory."""
    found = []
    for directory in sorted({os.path.dirname(path) for path in paths}):  # noqa: PTH120 - of a hundred
        with suppress(OSError), os.scandir(directory) as entries:
            for count, entry in enumerate(entries):
                if count > _MOST_LINKS:
                    break
                # By such names libraries are looked for; by a plain libfoo.so only when a program is built.
                if ".so." in entry.name and entry.is_symlink():
                    with suppress(OSError):
                        target = os.readlink(entry.path)  # noqa: PTH115 - of thousands
                        if f"{directory}/{target}" in paths:
                            found.append(entry.path)
    return tuple(sorted(found))
