"""Disk images: there, open to the user, of the format that the XML says, with the whole chain behind them, and not
locked by another."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from prober.commandline.images import Opening, local_path
from prober.commandline.refusal import Place
from prober.rehearsal.preflight.ground import Ground, is_right, is_unknown, is_wrong, kind_of_file, unless_there
from prober.rehearsal.preflight.headers import ImageHeader, read_image_header
from prober.rehearsal.preflight.locks import find_lock
from prober.rehearsal.preflight.model import HostFinding
from prober.rehearsal.preflight.view import READ, WRITE, Way
from prober.rehearsal.preflight.wanted import HostItem

_KIND = "image"

#: The longest chain that is followed; QEMU has no bound, and libvirt stops at 200.
_LONGEST_CHAIN = 200

#: Formats without a header of their own, by which they could be told from a raw image.
_WITHOUT_HEADER = frozenset({"raw", "vvfat", "cloop", ""})

#: Formats of which the header names what is behind.
_WITH_BACKING = frozenset({"qcow", "qcow2", "qed"})

_LOST = "QEMU opens the image when it starts, and ends where it cannot"
_BY_LIBVIRT = "where libvirt starts the domain, it gives the file to its user itself (dynamic_ownership)"


class _Asked(NamedTuple):
    """One image of a chain: its path, what the XML or the header above says of its format (None: nothing), and what
    QEMU does with it."""

    path: str
    format: str | None
    writes: bool
    shares: bool
    place: Place
    format_place: Place
    above: str = ""


_Read: TypeAlias = Generator[HostFinding, None, ImageHeader | None]


def look_at_image(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """A file or block device that a node reads, and all that its header puts behind it."""
    path = item.text("filename")
    if not path or path.startswith("/dev/fdset/"):
        return  # Nobody's path: the descriptor's need tells of it.
    own = local_path(path)
    if own is None:
        yield is_unknown(_KIND, f"{path[:200]} is not on this host", item.place, "it is not looked at")
        return
    if not own.startswith("/"):
        yield is_unknown(_KIND, f"{own} is no whole path", item.place, "it depends on where QEMU is started")
        return
    above = item.above
    follows = above is None or "backing" not in above.values
    ends = above is not None and "backing" in above.values and above.values["backing"] is None
    asked = _asked(item, own, on.wanted.openings.get(path, ()))
    yield from _look_at_chain(asked, on, follows=follows, ends=ends and not _is_firmware(item))


def _asked(item: HostItem, path: str, openings: Sequence[Opening]) -> _Asked:
    """What the line has of an image; where nobody is known to open it, a writer that shares nothing."""
    above = item.above
    reads_only = item.is_on("read-only") or (above is not None and above.is_on("read-only"))
    return _Asked(
        path,
        (above.name or None) if above is not None else "raw",
        any(opening.writes for opening in openings) or (not openings and not reads_only),
        all(opening.shares for opening in openings) and bool(openings),
        item.where("filename"),
        above.where("driver") if above is not None else item.place,
    )


def _is_firmware(item: HostItem) -> bool:
    """Firmware stands on no other image, whatever its header says."""
    return item.text("node-name").startswith("libvirt-pflash")


def _look_at_chain(first: _Asked, on: Ground, *, follows: bool, ends: bool) -> Iterator[HostFinding]:
    """Each image until the last; one image in two places of the chain is a loop."""
    seen: dict[tuple[int, int], str] = {}
    ahead = [first]
    while ahead:
        asked = ahead.pop()
        way = on.view.walk(asked.path, READ, *([WRITE] if asked.writes else []))
        lost = unless_there(_KIND, way, asked.place, _why(asked, way), _todo(asked, way))
        if lost is not None:
            yield lost
            if asked.writes and way.end == "closed":
                way = on.view.walk(asked.path, READ)  # What may not be written may still be read.
            if way.end != "there":
                continue
        assert way.found is not None
        key = (way.found.st_dev, way.found.st_ino)
        if key in seen:
            why = "QEMU would open it again and again, and refuses it"
            said, todo = f"{asked.path} stands behind itself: the chain is a loop", f"qemu-img info -U {asked.above}"
            yield is_wrong(_KIND, said, asked.place, why, todo)
            return
        if len(seen) >= _LONGEST_CHAIN:
            why = "no more is looked at"
            yield is_unknown(_KIND, f"more than {_LONGEST_CHAIN} images stand behind {first.path}", first.place, why)
            return
        seen[key] = asked.path
        header = yield from _look_at_file(asked, way, on)
        if header is None:
            continue
        if ends and header.backing is not None:
            why = "the guest would see holes where its data is"
            said = f"{asked.path} has {header.backing[:200]!r} behind it, and the XML says that nothing is"
            yield is_wrong(_KIND, said, asked.place, why, "write the chain into <backingStore>, or leave it out")
        if follows:
            ahead += yield from _behind(asked, header)


def _why(asked: _Asked, way: Way) -> str:
    why = f"it stands behind {asked.above}, which cannot be opened without" if asked.above else _LOST
    return f"{why}; {_BY_LIBVIRT}" if way.end == "closed" else why


def _todo(asked: _Asked, way: Way) -> str:
    if asked.above:
        return f"qemu-img rebase -u -b PATH -F FORMAT {asked.above}, with where it is now"
    return f"restore {way.where}, or make one: qemu-img create -f {asked.format or 'raw'} {asked.path} SIZE"


def _look_at_file(asked: _Asked, way: Way, on: Ground) -> _Read:
    """What is in the file; the value is its header, None where there is none to go on with."""
    found = way.found
    assert found is not None
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISBLK(found.st_mode)):
        yield is_wrong(
            _KIND,
            f"{asked.path} is {kind_of_file(found)}, no disk",
            asked.place,
            _why(asked, way),
            f"ls -ld {asked.path}",
        )
        return None
    with on.view.opened(way.real) as fd:
        if fd is None:
            why = f"what is in it cannot be told; {_BY_LIBVIRT}"
            yield is_unknown(_KIND, f"{asked.path} may not be read by whoever looks", asked.place, why)
            return None
        try:
            length = os.lseek(fd, 0, os.SEEK_END)
            header = read_image_header(fd, length)
            held = find_lock(fd, writes=asked.writes, shares=asked.shares)
        except OSError as error:
            yield is_unknown(_KIND, f"{asked.path} cannot be read: {error.strerror}", asked.place, _LOST)
            return None
    faults = list(_faults(asked, header, held, length))
    yield from faults
    if not faults:
        what = f"{asked.path} is there, {header.format}, and nobody has it locked"
        yield is_right(_KIND, what, asked.place)
    return header


def _faults(asked: _Asked, header: ImageHeader, held: str | None, length: int) -> Iterator[HostFinding]:
    if held is not None:
        todo = f"stop the process that has it open: fuser -v {asked.path}"
        why = 'QEMU does not start: Failed to get "write" lock' if asked.writes else "QEMU does not get its lock"
        yield is_wrong(_KIND, f"another process has {asked.path} locked, and {held}", asked.place, why, todo)
    wanted = asked.format
    if wanted is None:
        why = "QEMU guesses it from what is in the image, which a guest can write; libvirt refuses that"
        if asked.above:
            todo = f"qemu-img rebase -u -F {header.format} -b {asked.path} {asked.above}"
            said = f"{asked.above} does not say of which format {asked.path} is"
        else:
            todo, said = (
                f"write the format ({header.format}, as it seems)",
                f"nothing says of which format {asked.path} is",
            )
        yield is_wrong(_KIND, said, asked.format_place, why, todo)
    elif wanted != header.format and not (wanted in _WITHOUT_HEADER and header.format == "raw"):
        yield _of_another_format(asked, wanted, header.format, length)
    for fault in header.faults:
        todo = f"qemu-img check -r all {asked.path}, or restore it"
        yield is_wrong(_KIND, f"{asked.path}: {fault}", asked.place, _LOST, todo)


def _of_another_format(asked: _Asked, wanted: str, is_of: str, length: int) -> HostFinding:
    said = f"{asked.path} is {is_of}, and {'the image above' if asked.above else 'the XML'} says {wanted}"
    if length == 0:
        said = f"{asked.path} is empty, and the XML says {wanted}"
    if wanted == "raw":
        why = "the guest would get the bytes of the format itself, and could change its header"
    else:
        why = f"QEMU does not open it: Image is not in {wanted} format"
    todo = f"write {is_of} for the format, or: qemu-img convert -f {is_of} -O {wanted} {asked.path} NEW"
    return is_wrong(_KIND, said, asked.format_place, why, todo)


def _behind(above: _Asked, header: ImageHeader) -> Generator[HostFinding, None, list[_Asked]]:
    """The images that one stands on, as its header names them: its data, and the one behind it."""
    found: list[_Asked] = []
    if above.format not in _WITH_BACKING:
        return found
    for name, kind, writes in ((header.backing, header.backing_format, False), (header.data_file, "raw", above.writes)):
        if not name:
            continue
        path = local_path(name)
        if not path:
            why = "what is on another host, or told as JSON, is not looked at"
            yield is_unknown(_KIND, f"{above.path} stands on {name[:200]!r}", above.place, why)
            continue
        if not path.startswith("/"):
            path = f"{above.path.rpartition('/')[0]}/{path}"
        found.append(_Asked(path, kind, writes, not writes, above.place, above.place, above.path))
    return found
