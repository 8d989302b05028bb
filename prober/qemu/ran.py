"""What the processes of one interview executed and had mapped, as far as it can be found on this host again.

An answer holds for as long as these files are what they were.  :mod:`prober.qemu.gathering` looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class RanFile(NamedTuple):
    """A file of the host that a process executed or had mapped: its path, and which file that was."""

    path: str
    device: int
    inode: int


@dataclass(frozen=True)
class Ran:
    """What was seen.

    ``files`` are in the order of their paths, ``links`` the symbolic links beside them by which they are found (a
    library is looked for as ``libfoo.so.1``, and is ``libfoo.so.1.2``).  ``untraced`` is what of it is not known, in
    words: a file that is no longer there or is none of the host's, a process that could not be looked at.  ``began_ns``
    is when the interview began, by the clock that files are dated with.
    """

    files: tuple[RanFile, ...] = ()
    links: tuple[str, ...] = ()
    untraced: tuple[str, ...] = ()
    began_ns: int = 0
