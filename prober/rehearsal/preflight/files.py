"""Plain files, directories and devices of the host that QEMU opens by itself."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from prober.commandline.refusal import Place
from prober.proof.rows.devices import PATH_PROPERTIES
from prober.rehearsal.preflight.ground import (
    Ground,
    ItemLook,
    NeedLook,
    is_made_at_start,
    is_right,
    is_unknown,
    is_wrong,
    kind_of_file,
    unless_there,
)
from prober.rehearsal.preflight.model import HostFinding
from prober.rehearsal.preflight.view import READ, SEARCH, WRITE
from prober.rehearsal.preflight.wanted import HostItem, HostNeed

_READS = "QEMU reads it when it starts, and ends where it cannot"
_WRITES = "QEMU opens it for writing when it starts, and ends where it cannot"


def look_at_path(
    kind: str, path: str, place: Place, on: Ground, *wants: int, why: str = _READS, todo: str = ""
) -> Iterator[HostFinding]:
    """One file that has to be there and open to the user; a relative one depends on where QEMU is started."""
    if path.startswith("/dev/fdset/"):
        return
    if not path.startswith("/"):
        yield is_unknown(
            kind, f"{path[:200]} is no whole path", place, "it depends on where QEMU is started, or is its own"
        )
        return
    way = on.view.walk(path, *wants)
    yield unless_there(kind, way, place, why, todo or f"restore {way.where}, or mend the path") or is_right(
        kind, f"{path} is there, and open to {on.view.user.name}", place
    )


def look_at_written(kind: str, path: str, place: Place, on: Ground) -> Iterator[HostFinding]:
    """A file that is written to, and made where it is not there."""
    if not path.startswith("/") or path.startswith("/dev/fdset/"):
        return
    way = on.view.walk(path, WRITE)
    if way.end == "missing" and way.where == path:
        directory = path.rpartition("/")[0] or "/"
        above = on.view.walk(directory, WRITE, SEARCH)
        yield unless_there(kind, above, place, _WRITES, f"mkdir -p {directory}") or is_right(
            kind, f"{path} can be made by {on.view.user.name}", place
        )
        return
    lost = unless_there(kind, way, place, _WRITES, f"mkdir -p {path.rpartition('/')[0]}")
    yield lost or is_right(kind, f"{path} is there, and {on.view.user.name} may write to it", place)


def reads(*keys: str, kind: str = "file") -> ItemLook:
    """A look at the files that these values name, which QEMU reads; a bare name is one of its own data files."""

    def look(item: HostItem, on: Ground) -> Iterator[HostFinding]:
        for key in keys:
            if "/" in (path := item.text(key)):
                yield from look_at_path(kind, path, item.where(key), on, READ)

    return look


def look_at_own_serial(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """A serial port of the machine's own; a domain's names its chardev, which is looked at by itself."""
    if not item.text("").startswith("chardev:"):
        what = f"{item.noun} {item.name}: on a line that somebody wrote out, and not a chardev of it"
        yield is_unknown("not looked at", what, item.place, "no look is for it")


def writes(*keys: str) -> ItemLook:
    """A look at the files that these values name, which QEMU writes."""

    def look(item: HostItem, on: Ground) -> Iterator[HostFinding]:
        for key in keys:
            if path := item.text(key):
                yield from look_at_written("file", path, item.where(key), on)

    return look


def device(key: str, kind: str) -> ItemLook:
    """A look at the character device that a value names, which QEMU reads and writes."""

    def look(item: HostItem, on: Ground) -> Iterator[HostFinding]:
        if path := item.text(key):
            yield from look_at_host_device(kind, path, item.where(key), on)

    return look


def look_at_host_device(kind: str, path: str, place: Place, on: Ground) -> Iterator[HostFinding]:
    """A character device that QEMU itself opens for reading and writing."""
    way = on.view.walk(path, READ, WRITE)
    lost = unless_there(kind, way, place, _WRITES, f"plug it in, or load its driver: {path} is made then")
    if lost is None and way.found is not None and not stat.S_ISCHR(way.found.st_mode):
        lost = is_wrong(kind, f"{path} is {kind_of_file(way.found)}, no device", place, _WRITES, f"ls -l {path}")
    yield lost or is_right(kind, f"{path} is there, and open to {on.view.user.name}", place)


def look_at_passed_device(kind: str, path: str, place: Place, on: Ground, todo: str) -> Iterator[HostFinding]:
    """A device that whoever starts QEMU opens and passes: it has to be there; who may open it is not the user's
    matter."""
    way = on.view.walk(path)
    why = "whoever starts QEMU opens it and passes it on"
    lost = unless_there(kind, way, place, why, todo)
    if lost is None and way.found is not None and not stat.S_ISCHR(way.found.st_mode):
        lost = is_wrong(kind, f"{path} is {kind_of_file(way.found)}, no device", place, why, f"ls -l {path}")
    yield lost or is_right(kind, f"{path} is there; {why}", place)


def passed_device(module: str) -> NeedLook:
    """A look at the device of a need, which this module of the kernel brings."""

    def look(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
        todo = f"modprobe {module}" if module else "mend the path"
        if wish.need.file:
            yield from look_at_passed_device(wish.need.kind, wish.need.file, wish.place, on, todo)

    return look


def look_at_opened_device(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """A device that QEMU opens by the path that stands on its line."""
    yield from look_at_host_device(wish.need.kind, wish.text, wish.place, on)


def look_at_opened_file(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """A file that somebody opens for writing and passes: the directory has to be there."""
    path = wish.need.file
    if not path.startswith("/") or is_made_at_start(path, on):
        return
    directory = path.rpartition("/")[0] or "/"
    way = on.view.walk(directory)
    why = "whoever starts QEMU opens the file there and passes it on"
    lost = unless_there(wish.need.kind, way, wish.place, why, f"mkdir -p {directory}")
    if way.end == "closed":
        lost = is_unknown(wish.need.kind, f"whether there is {directory} may not be seen", wish.place, why)
    yield lost or is_right(wish.need.kind, f"there is a directory for {path}", wish.place)


def look_at_shared_directory(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """A directory that a guest gets: of ``-fsdev``, of a FAT disk, of MTP."""
    for key in ("path", "dir", "rootdir"):
        path = item.text(key)
        if not path:
            continue
        if key == "dir" and item.name != "vvfat":
            continue
        wants = [READ, SEARCH] if item.is_on("readonly") or item.name == "vvfat" else [READ, WRITE, SEARCH]
        why = "the guest sees what is in it, as far as QEMU may"
        way = on.view.walk(path, *wants)
        lost = unless_there("directory", way, item.where(key), why, f"mkdir -p {path}")
        if lost is None and way.found is not None and not stat.S_ISDIR(way.found.st_mode):
            lost = is_wrong(
                "directory",
                f"{path} is {kind_of_file(way.found)}, no directory",
                item.where(key),
                why,
                f"ls -ld {path}",
            )
        yield lost or is_right("directory", f"{path} is there, and open to {on.view.user.name}", item.where(key))


def fixed_device(path: str, kind: str) -> ItemLook:
    """A look at a device of the host that has one place."""

    def look(item: HostItem, on: Ground) -> Iterator[HostFinding]:
        yield from look_at_host_device(kind, path, item.place, on)

    return look


def look_at_pipe(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """``-chardev pipe``: two named pipes, or one (``chardev/char-pipe.c``)."""
    path, place = item.text("path"), item.where("path")
    if not path:
        return
    ends = [on.view.walk(f"{path}.in", READ, WRITE), on.view.walk(f"{path}.out", READ, WRITE)]
    if all(way.end == "missing" for way in ends):
        ends = [on.view.walk(path, READ, WRITE)]
    todo = f"mkfifo {path}.in {path}.out"
    lost = [one for way in ends if (one := unless_there("pipe", way, place, _WRITES, todo)) is not None]
    yield from lost
    for way in ends:
        if way.end == "there" and way.found is not None and not stat.S_ISFIFO(way.found.st_mode):
            yield is_wrong("pipe", f"{way.where} is {kind_of_file(way.found)}, no pipe", place, _WRITES, todo)
        elif way.end == "there":
            yield is_right("pipe", f"{way.where} is there, and open to {on.view.user.name}", place)


def look_at_made_file(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """A file that is made where it is not there, and that QEMU writes to."""
    yield from look_at_written(wish.need.kind, wish.text, wish.place, on)


def look_at_global(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """``-global``: nothing of the host's, unless it names a file for all devices of a type."""
    for name in item.values:
        if name in PATH_PROPERTIES:
            why = "a property of all devices of a type is looked at nowhere"
            yield is_unknown("not looked at", f"-global of {name}: {item.text(name)[:200]}", item.place, why)
