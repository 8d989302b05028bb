"""The smallest images that every QEMU opens: what stands in for a disk that is not here.

Pure: bytes, and how large the file is.  What lies behind the bytes is a hole, so an image of 1 GiB takes some KiB.
QEMU's own drivers read them (``block/*.c``, 5.2 to 11.1); what nothing of the guest is ever read from is not there.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from prober.proof import foreign
from prober.proof.vhdx import vhdx

KIB, MIB, GIB = 1024, 1024**2, 1024**3

#: The data of every ``secret`` that stands in: the passphrase of the images here that are encrypted.
STAND_IN_SECRET = "stand-in"  # noqa: S105 - a secret of nobody

#: No image is larger; the tables of some formats grow with it, to 8 MiB here.
MOST_SIZE = 1024 * GIB

#: No file is larger, holes and all; what a file system takes is 16 times that, or more.
MOST_FILE = 1024 * GIB


@dataclass(frozen=True, slots=True)
class StandInImage:
    """What a file has to hold.  ``size`` is the disk's that a guest would see, ``at`` where in the file it begins, and
    ``least`` the least size of the file.

    ``encryption`` is qcow's and qcow2's: ``luks`` or ``aes``.  The ``format`` is QEMU's name of the driver that reads
    it, or ``luks header`` for one that stands in a file of its own.
    """

    format: str = "raw"
    size: int = GIB
    at: int = 0
    least: int = 0
    has_data_file: bool = False
    encryption: str = ""

    def __str__(self) -> str:
        """In words: ``raw, 1 GiB``."""
        for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
            if self.size and self.size % unit == 0:
                return f"{self.format}, {self.size // unit} {name}"
        return f"{self.format}, {self.size} bytes"


class Laid(NamedTuple):
    """The bytes of a file that begin ``at``, and its size."""

    content: bytes
    at: int
    size: int


@lru_cache(maxsize=16)
def lay_out(image: StandInImage) -> Laid | None:
    """The file with this image in it, or None where there is no way to make one."""
    size = -(-image.size // 512) * 512
    if image.format == "raw":
        # What was given of its size stays: QEMU says what it thinks of one that is no multiple of 512.
        return _bounded(Laid(b"", 0, max(image.at + image.size, image.least)))
    make = _MAKERS.get(image.format)
    if make is None or not 0 < size <= MOST_SIZE:
        return None
    content, behind = make(replace(image, size=size))
    return _bounded(Laid(content, image.at, max(image.at + len(content) + behind, image.least)))


def _bounded(laid: Laid) -> Laid | None:
    return laid if laid.size <= MOST_FILE else None


#: A driver reads of a file that is larger than its content as well: how much of a hole follows.
_Made = tuple[bytes, int]

_CLUSTER = 64 * KIB


def _qcow2(image: StandInImage) -> _Made:
    """Header, refcount table, refcount block and an empty table of the first level, a cluster each; version 3.

    Perhaps with the incompatible feature of an external data file.  QEMU, ``docs/interop/qcow2.txt``.
    """
    entries = -(-image.size // (512 * MIB))
    crypt = {"aes": 1, "luks": 2}.get(image.encryption, 0)
    header = struct.pack(
        ">4sIQIIQIIQQIIQ", b"QFI\xfb", 3, 0, 0, 16, image.size, crypt, entries, 3 * _CLUSTER, _CLUSTER, 1, 0, 0
    )  # fmt: skip
    header += struct.pack(">QQQII", 1 << 2 if image.has_data_file else 0, 0, 0, 4, 104)
    luks = b""
    if crypt == 2:
        luks, _ = _luks_header(image)
        header += struct.pack(">IIQQ", 0x0537BE77, 16, 4 * _CLUSTER, _LUKS_PAYLOAD)
    used = 4 + (-(-_LUKS_PAYLOAD // _CLUSTER) if luks else 0)
    table = struct.pack(">Q", 2 * _CLUSTER)
    block = struct.pack(">H", 1) * used
    parts = (header, table, block, b"")
    return b"".join(part.ljust(_CLUSTER, b"\0") for part in parts) + luks, (used - 4) * _CLUSTER - len(luks)


def _qcow(image: StandInImage) -> _Made:
    """Version 1: clusters of 4 KiB, 512 of them to an entry of the empty table (``block/qcow.c``)."""
    entries = -(-image.size // (2 * MIB))
    crypt = {"aes": 1, "luks": 2}.get(image.encryption, 0)
    header = struct.pack(">4sIQIIQBBHIQ", b"QFI\xfb", 1, 0, 0, 0, image.size, 12, 9, 0, crypt, 48)
    return header, entries * 8


def _qed(image: StandInImage) -> _Made:
    """A header and an empty table (``docs/interop/qed_spec.rst``)."""
    header = struct.pack("<4sIIIQQQQQII", b"QED\0", _CLUSTER, 4, 1, 0, 0, 0, _CLUSTER, image.size, 0, 0)
    return header, 5 * _CLUSTER - len(header)


#: Slot 0's key material begins at sector 8, each slot has 128 sectors, and behind the last is the disk.
_LUKS_PAYLOAD = (8 + 8 * 128) * 512

#: Of the master key: PBKDF2 of SHA-256, 1000 times, over what comes of key material that is all zero.
_LUKS_DIGEST = bytes.fromhex("ca670d8d44d811b636de67021aab56cda6fafb2d")

_LUKS_SALT = bytes(range(32))


def _luks_header(image: StandInImage, payload: int = _LUKS_PAYLOAD) -> _Made:
    """LUKS 1 with one passphrase, :data:`STAND_IN_SECRET`.

    The key material of the slot is a hole.  Decrypted with the passphrase's key and merged, any bytes give some master
    key; only its digest has to be right, which was worked out once.  (LUKS On-Disk Format Specification 1.2.3.)
    """
    uuid = b"00000000-0000-4000-8000-000000000000"
    head = struct.pack(">6sH32s32s32sII", b"LUKS\xba\xbe", 1, b"aes", b"cbc-plain64", b"sha256", payload // 512, 16)
    head += struct.pack(">20s32sI40s", _LUKS_DIGEST, _LUKS_SALT, 1000, uuid)
    slots = [struct.pack(">II32sII", 0x00AC71F3, 1000, _LUKS_SALT, 8, 4000)]
    slots += [struct.pack(">II32sII", 0x0000DEAD, 0, bytes(32), 8 + 128 * slot, 4000) for slot in range(1, 8)]
    content = head + b"".join(slots)
    return content, _LUKS_PAYLOAD - len(content)


def _luks(image: StandInImage) -> _Made:
    content, behind = _luks_header(image)
    return content, behind + image.size


def _detached(image: StandInImage) -> _Made:
    """The disk stands in another file (QEMU 9.0)."""
    return _luks_header(image, payload=0)


def _other(make: Callable[[int], _Made]) -> Callable[[StandInImage], _Made]:
    return lambda image: make(image.size)


_MAKERS: Mapping[str, Callable[[StandInImage], _Made]] = {
    "qcow2": _qcow2,
    "qcow": _qcow,
    "qed": _qed,
    "luks": _luks,
    "luks header": _detached,
    "vmdk": _other(foreign.vmdk),
    "vdi": _other(foreign.vdi),
    "vpc": _other(foreign.vpc),
    "parallels": _other(foreign.parallels),
    "bochs": _other(foreign.bochs),
    "cloop": _other(foreign.cloop),
    "dmg": _other(foreign.dmg),
    "vhdx": _other(vhdx),
}
