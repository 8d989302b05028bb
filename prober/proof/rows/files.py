"""The rows of the options that name images, and of those that name a file that a machine begins with."""

from __future__ import annotations

from collections.abc import Mapping

from prober.proof.bench import Bench
from prober.proof.filenames import is_too_large
from prober.proof.given import Given
from prober.proof.imageplan import PLAIN_DISKS
from prober.proof.members import Members
from prober.proof.nodes import BECOMES_FILE, LOCKING
from prober.proof.row import KEPT, StandInRow, left_out, stood_in, treat
from prober.proof.rows.blocks import BLOCK_DRIVERS, TOO_LARGE, is_kept, stand_in_filename, stand_in_tree
from prober.proof.rows.boot import BOOT_FILES


def _blockdev(given: Given, members: Members, bench: Bench) -> None:
    """Without a driver, QEMU says so."""
    if given.is_too_deep or is_too_large(members):
        bench.refuse(given, TOO_LARGE)
    elif members.text("driver"):
        treat(BLOCK_DRIVERS, "block driver", members.text("driver"), given, members, bench)


def _drive(given: Given, members: Members, bench: Bench) -> None:
    """``format`` and ``driver`` name the node at the top, ``file`` is a filename or the node below."""
    if given.is_too_deep or is_too_large(members):
        bench.refuse(given, TOO_LARGE)
        return
    driver = members.text("format") or members.text("driver")
    if driver in BECOMES_FILE and members.text("file"):
        _protocol_of(given, members, bench, driver)
        return
    if driver:
        treat(BLOCK_DRIVERS, "block driver", driver, given, members, bench)
    else:
        stand_in_tree(given, members, bench)
    _filename_of(given, members, bench)


def _protocol_of(given: Given, members: Members, bench: Bench, driver: str) -> None:
    """The driver at the top is one of files or of the network, and ``file`` is a name in its own way to write it."""
    if driver not in LOCKING:
        bench.drivers.setdefault(driver, given)
    for name in BECOMES_FILE[driver]:
        members.drop(name)
    for name in ("format", "driver"):
        if members.text(name) == driver:
            members.put(name, "file")
    _filename_of(given, members, bench)


def _filename_of(given: Given, members: Members, bench: Bench) -> None:
    text = members.text("file")
    if not text or is_kept(text, members, bench):
        return
    made = stand_in_filename(given, text, bench, "file")
    if made is not None:
        members.put("file", made)
        given.touch()


def _plain(given: Given, members: Members, bench: Bench) -> None:
    """A filename and nothing else."""
    made = stand_in_filename(given, given.value or "", bench, "")
    if made is not None:
        given.change(made)


_FILENAME = stood_in("a sparse file of the format that its name tells", _plain)

#: The options of disks and of files that are read when a machine is made; a disk image by itself has no flag.
OPTIONS_OF_FILES: Mapping[str, StandInRow] = {
    "-blockdev": stood_in("files for what its nodes read (see the block drivers)", _blockdev),
    "-drive": stood_in("files for what it reads (see the block drivers)", _drive),
    **dict.fromkeys(PLAIN_DISKS, _FILENAME),
    "-iscsi": KEPT,
    "-snapshot": KEPT,
    "-loadvm": left_out("the state of a guest is in its own image"),
    **BOOT_FILES,
}
