"""What each image of a line has to hold, as its readers tell: a format's driver, a floppy drive, a firmware's flash.

An option that names a file comes before those that read it, so a line is gone through from its end.  Nothing is
changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from prober.commandline.text import as_size
from prober.proof.filenames import debugged, format_by_name, nests_too_deep, split_filename, tree_of
from prober.proof.given import Given
from prober.proof.images import MIB, StandInImage
from prober.proof.members import JsonMembers, Members, PairMembers
from prober.proof.nodes import BECOMES_FILE, READS

#: The options whose value is a filename and nothing else, and what the disk is for (``-drive``'s ``if``).
PLAIN_DISKS: Mapping[str, str] = {
    "": "",
    "-hda": "",
    "-hdb": "",
    "-hdc": "",
    "-hdd": "",
    "-cdrom": "",
    "-fda": "floppy",
    "-fdb": "floppy",
    "-mtdblock": "mtd",
    "-pflash": "pflash",
    "-sd": "sd",
}

#: A floppy disk of 3.5 inches.
_FLOPPY = 1_474_560

#: The size of a flash that the machine takes, where it wants one of just this size; else x86's, which adds up to less
#: than the 8 MiB that there may be (``hw/i386/pc_sysfw.c``; ``hw/arm/virt.c``, ``hw/riscv/virt.c``, VIRT_FLASH).
_FLASH = {"aarch64": 64 * MIB, "arm": 64 * MIB, "riscv64": 32 * MIB, "riscv32": 32 * MIB, "loongarch64": 16 * MIB}
_FLASH_OF_OTHERS = 2 * MIB

#: Deeper than any tree of nodes that means something.
_DEEPEST = 24


class Below(NamedTuple):
    """A place where a node names another: the member of ``holder``, and what is read there."""

    holder: Members
    name: str
    image: StandInImage


def image_key(members: Members) -> str:
    """What makes a node's file the same as another's: the path, or all that a node of the network says."""
    driver = members.text("driver") or members.text("format")
    filename = members.text("filename")
    if driver in ("file", "host_device", "host_cdrom") and filename:
        return filename
    if isinstance(members, PairMembers):
        cut = len(members.prefix)
        told = [f"{pair.key[cut:]}={pair.value}" for pair in members.pairs if pair.key.startswith(members.prefix)]
        return f"{driver}:{','.join(told)}"
    return f"{driver}:{json.dumps(members.tree, sort_keys=True)}" if isinstance(members, JsonMembers) else driver


def images_of(line: Iterable[Given], target: str) -> dict[str, StandInImage]:
    """For the key of each file (:func:`image_key`), or the filename, what it has to hold.

    ``target`` is the guest's architecture, which tells how large a flash is.
    """
    listed = list(line)
    plan = _Plan(listed, _FLASH.get(target, _FLASH_OF_OTHERS))
    for given in reversed(listed):
        plan.read(given)
    return plan.files


class _Plan:
    def __init__(self, line: list[Given], flash: int) -> None:
        self.files: dict[str, StandInImage] = {}
        self._sizes = {"floppy": _FLOPPY, "pflash": flash}
        self._named = {name: StandInImage(size=size) for name, size in self._devices(line)}

    def _devices(self, line: list[Given]) -> Iterator[tuple[str, int]]:
        """The nodes and drives that devices of a size of their own take."""
        for given in line:
            members = given.members
            if members is None:
                continue
            if given.flag == "-device" and members.text("driver") in ("floppy", "isa-fdc", "sysbus-fdc"):
                yield from ((members.text(name), _FLOPPY) for name in ("drive", "driveA", "driveB"))
            elif given.flag in ("-machine", "-M"):
                yield from ((members.text(name), self._sizes["pflash"]) for name in ("pflash0", "pflash1"))

    def read(self, given: Given) -> None:
        """Take over what one option tells."""
        if given.flag in PLAIN_DISKS:
            if given.value:
                self._filename(given.value, self._by_name(given.value, PLAIN_DISKS[given.flag]))
        elif given.members is None:
            return
        elif given.flag == "-blockdev":
            self._node(given.members, StandInImage())
        elif given.flag == "-drive":
            self._drive(given.members)

    def _by_name(self, filename: str, kind: str) -> StandInImage:
        image = StandInImage(format=format_by_name(filename))
        return replace(image, size=self._sizes.get(kind, image.size))

    def _drive(self, members: Members) -> None:
        filename, ident = members.text("file") or members.text("filename"), members.text("id")
        image = StandInImage(size=self._sizes.get(members.text("if"), StandInImage().size))
        image = self._named.get(ident, image)
        driver = members.text("format") or members.text("driver")
        if driver in READS:
            for below in nodes_below(driver, members, image):
                if below.name == "file" and filename:
                    self._filename(filename, below.image)
                self._below(below, 0, is_reference=below.name != "file")
            return
        if driver in BECOMES_FILE:
            self._note(image_key(members), image)
        else:
            inner = members.inner("file")
            named = filename or (inner.text("filename") if inner is not None else "")
            image = replace(image, format=format_by_name(named))
            if inner is not None:
                self._node(inner, image)
        if filename:
            self._filename(filename, image)

    def _node(self, members: Members, image: StandInImage, depth: int = 0) -> None:
        if depth > _DEEPEST:
            return
        named = self._named.get(members.text("node-name"))
        image = named if named is not None and image == StandInImage() else image
        driver = members.text("driver")
        if driver in READS:
            for below in nodes_below(driver, members, image):
                self._below(below, depth)
        elif driver:
            self._note(image_key(members), image)
        elif members.text("filename"):
            self._filename(members.text("filename"), image)
        else:
            inner = members.inner("file")
            if inner is not None:
                self._node(inner, replace(image, format=format_by_name(inner.text("filename"))), depth + 1)

    def _below(self, below: Below, depth: int, *, is_reference: bool = True) -> None:
        inner = below.holder.inner(below.name)
        if inner is not None:
            # What a format is backed by is probed, where it names no driver.
            is_probed = below.name == "backing" and not inner.text("driver")
            kind = format_by_name(inner.text("filename")) if is_probed else below.image.format
            self._node(inner, replace(below.image, format=kind), depth + 1)
        elif is_reference:
            self._named[below.holder.text(below.name)] = below.image

    def _filename(self, text: str, image: StandInImage) -> None:
        tree = tree_of(text)
        if tree is not None:
            self._node(tree, image)
            return
        driver, rest = split_filename(text)
        if driver in ("blkdebug", "blkverify") and not nests_too_deep(text):
            first, second = debugged(rest)
            if driver == "blkverify":
                self._filename(first, StandInImage(size=image.size))
                image = replace(image, format=format_by_name(second))  # it is probed, whatever reads the whole
            self._filename(second, image)
        elif driver in BECOMES_FILE:
            self._note(rest if driver in ("file", "host_device", "host_cdrom") else text, image)

    def _note(self, key: str, image: StandInImage) -> None:
        """What a format's driver reads is more than what anything may read."""
        known = self.files.get(key)
        if known is None or (known.format == "raw" and (image.format != "raw" or image.least > known.least)):
            self.files[key] = image


def nodes_below(driver: str, members: Members, image: StandInImage) -> Iterator[Below]:
    """What a node reads, and what is in it; ``image`` is what whoever reads the node finds."""
    for name, reads in READS.get(driver, {}).items():
        read = _read_as(reads, driver, members, image)
        listed = members.inner(name) if name == "children" else None
        if listed is not None:
            yield from (Below(listed, number, read) for number in listed.names())
        elif members.get(name) is not None or members.inner(name) is not None:
            yield Below(members, name, read)


def _read_as(reads: str, driver: str, members: Members, image: StandInImage) -> StandInImage:
    if driver == "raw":
        return _slice(members, image)
    if reads == "the same":
        return image
    # A disk that is read through a format; an image inside an image of another format cannot be made.
    inside = "" if image.format == "raw" else f"{image.format} inside "
    size = image.at + max(image.size, image.least)
    if reads == "its header":
        return StandInImage("luks header", size)
    if reads == "a disk" or (driver == "luks" and _has(members, "header")):
        return StandInImage(f"{inside}raw" if inside and reads != "a disk" else "raw", size)
    encryption = members.inner("encrypt")
    return StandInImage(
        f"{inside}{driver}",
        size,
        has_data_file=_has(members, "data-file"),
        encryption=encryption.text("format") if encryption is not None else "",
    )


def _has(members: Members, name: str) -> bool:
    return members.get(name) is not None or members.inner(name) is not None


def _slice(members: Members, image: StandInImage) -> StandInImage:
    """What ``raw`` reads a part of, or all."""
    offset, size = as_size(members.text("offset")) or 0, as_size(members.text("size"))
    if size is not None and image.format == "raw":
        image = replace(image, size=size)
    return replace(image, at=image.at + offset, least=max(image.least, offset + (size or 0)))
