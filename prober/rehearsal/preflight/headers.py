"""The headers of disk images, read by a few bounded reads.  Everything in them is hostile.

The layouts are in QEMU's docs/interop/qcow2.rst, ``block/qcow.c``, ``block/qed.h``, ``block/vmdk.c``, ``block/vdi.c``,
``block/vhdx.h``, ``block/vpc.c``, ``block/parallels.c``, ``block/bochs.c``, ``block/dmg.c``,
``crypto/block-luks-priv.h``.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

#: As much of a file as the beginning is (bytes): a qcow2 header with its extensions is within the first cluster.
_HEAD = 64 << 10

#: The longest name of the image behind one (docs/interop/qcow2.rst).
_MOST_NAME = 1023

#: More extensions than any header has.
_MOST_EXTENSIONS = 64

_BACKING_FORMAT, _DATA_FILE, _END = 0xE2792ACA, 0x44415441, 0

# Incompatible features of qcow2, by their bits.
_CORRUPT, _EXTERNAL_DATA = 2, 4
_KNOWN_FEATURES = 0b11111


@dataclass(frozen=True)
class ImageHeader:
    """What the header of an image says.

    ``format`` is QEMU's name of it, ``raw`` where there is no header that is known.  ``backing`` is the name of the
    image behind it, as it is written, ``backing_format`` its format, ``data_file`` where its data is; each None where
    there is none.  ``size`` is that of the disk in bytes, None where it is not read.  ``is_encrypted`` is of qcow2.
    ``faults`` are sentences: what keeps a QEMU from using it.
    """

    format: str
    size: int | None = None
    backing: str | None = None
    backing_format: str | None = None
    data_file: str | None = None
    is_encrypted: bool = False
    faults: tuple[str, ...] = ()


def read_image_header(fd: int, length: int) -> ImageHeader:
    """The header of an open image of ``length`` bytes.

    :raise OSError: where it cannot be read.
    """
    head = os.pread(fd, _HEAD, 0)
    for magic, name in _MAGICS:
        if head.startswith(magic):
            reader = _READERS.get(name)
            return reader(head, length) if reader is not None else ImageHeader(name)
    if head[64:68] == b"\x7f\x10\xda\xbe":
        return ImageHeader("vdi")
    if head[:512].lstrip().startswith(b"# Disk DescriptorFile"):
        return ImageHeader("vmdk")
    tail = os.pread(fd, 512, max(0, length - 512)) if length >= 512 else b""
    if tail.startswith(b"conectix"):
        return ImageHeader("vpc")
    if tail.startswith(b"koly"):
        return ImageHeader("dmg")
    return ImageHeader("raw", size=length)


def _qcow2(head: bytes, length: int) -> ImageHeader:
    header = ImageHeader("qcow2")
    if len(head) < 72:
        return replace(header, faults=("its header is cut off",))
    version, backing_at, backing_size, cluster_bits, size, crypt = struct.unpack_from(">IQIIQI", head, 4)
    if version not in (2, 3):
        return replace(header, faults=(f"it says that it is of version {version}, and there are 2 and 3",))
    if version == 3 and len(head) < 104:
        return replace(header, faults=("its header is cut off",))
    features, header_length = 0, 72
    if version == 3:
        (features,), (header_length,) = struct.unpack_from(">Q", head, 72), struct.unpack_from(">I", head, 100)
    name = head[backing_at : backing_at + backing_size] if backing_size <= _MOST_NAME else b""
    is_name = len(name) == backing_size and name and b"\0" not in name
    faults = [*_faults(head, features, cluster_bits, length)]
    if backing_at and not is_name:
        faults.append("the name of the image behind it is none")
    extensions = _extensions(head, header_length)
    return ImageHeader(
        "qcow2",
        size=size,
        backing=os.fsdecode(name) if backing_at and is_name else None,
        backing_format=extensions.get(_BACKING_FORMAT),
        data_file=extensions.get(_DATA_FILE, "") if features & _EXTERNAL_DATA else None,
        is_encrypted=crypt != 0,
        faults=tuple(faults),
    )


def _faults(head: bytes, features: int, cluster_bits: int, length: int) -> Iterator[str]:
    """What QEMU does not take of a qcow2 header."""
    if not 9 <= cluster_bits <= 21:
        yield f"its clusters are of 2^{cluster_bits} bytes, which no QEMU takes"
    if features & _CORRUPT:
        yield "it is marked as corrupt, and QEMU opens it for reading alone"
    if features & ~_KNOWN_FEATURES:
        yield f"it has features that are not known: {features & ~_KNOWN_FEATURES:#x}"
    l1_size, l1_at = struct.unpack_from(">IQ", head, 36)
    if l1_size and l1_at + 8 * l1_size > length:
        yield f"it is cut off: its first table ends at {l1_at + 8 * l1_size}, and the file at {length}"


def _extensions(head: bytes, at: int) -> dict[int, str]:
    """The texts of the header's extensions, by their kinds; what is cut off is left out."""
    found: dict[int, str] = {}
    for _ in range(_MOST_EXTENSIONS):
        if at + 8 > len(head):
            break
        kind, size = struct.unpack_from(">II", head, at)
        if kind == _END or at + 8 + size > len(head):
            break
        if kind in (_BACKING_FORMAT, _DATA_FILE) and size <= _MOST_NAME:
            found[kind] = os.fsdecode(head[at + 8 : at + 8 + size])
        at += 8 + (size + 7 & ~7)
    return found


def _qcow(head: bytes, _length: int) -> ImageHeader:
    if len(head) < 48:
        return ImageHeader("qcow", faults=("its header is cut off",))
    at, size_of_name, _, size = struct.unpack_from(">QIIQ", head, 8)
    name = head[at : at + size_of_name] if at and size_of_name <= _MOST_NAME else b""
    return ImageHeader("qcow", size=size, backing=os.fsdecode(name) or None)


#: In the header of qed: that there is an image behind it, and that its format is not to be guessed.
_QED_BACKING, _QED_RAW = 1, 4


def _qed(head: bytes, _length: int) -> ImageHeader:
    if len(head) < 64:
        return ImageHeader("qed", faults=("its header is cut off",))
    (features,) = struct.unpack_from("<Q", head, 16)
    (size,) = struct.unpack_from("<Q", head, 48)
    at, size_of_name = struct.unpack_from("<II", head, 56)
    name = head[at : at + size_of_name] if features & _QED_BACKING and size_of_name <= _MOST_NAME else b""
    backing_format = "raw" if features & _QED_RAW else None
    return ImageHeader("qed", size=size, backing=os.fsdecode(name) or None, backing_format=backing_format)


_READERS: dict[str, Callable[[bytes, int], ImageHeader]] = {"qcow2": _qcow2, "qcow": _qcow, "qed": _qed}

_MAGICS = (
    (b"QFI\xfb\0\0\0\x01", "qcow"),
    (b"QFI\xfb", "qcow2"),
    (b"QED\0", "qed"),
    (b"KDMV", "vmdk"),
    (b"COWD", "vmdk"),
    (b"vhdxfile", "vhdx"),
    (b"conectix", "vpc"),
    (b"WithoutFreeSpace", "parallels"),
    (b"WithouFreSpacExt", "parallels"),
    (b"Bochs Virtual HD Image", "bochs"),
    (b"LUKS\xba\xbe", "luks"),
)
