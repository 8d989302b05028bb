"""The smallest images of the formats that other programs brought into the world.

Each function takes the size of the disk in bytes and gives the content of the file, and how much of a hole follows.
The layouts are those that QEMU's drivers read (``block/vmdk.c``, ``vdi.c``, ``vpc.c``, ``parallels.c``, ``bochs.c``,
``cloop.c``, ``dmg.c`` of 5.2 to 11.1).
"""

from __future__ import annotations

import base64
import struct
import zlib

_SECTOR = 512
_MIB = 1024**2

#: An entry of a table that leads nowhere.
_NOWHERE = b"\xff\xff\xff\xff"

Made = tuple[bytes, int]


def _blocks(size: int, block: int) -> int:
    return -(-size // block)


def _padded(content: bytes, unit: int = _SECTOR) -> bytes:
    return content.ljust(_blocks(len(content), unit) * unit, b"\0")


def vmdk(size: int) -> Made:
    """One extent that grows, with its descriptor inside (``monolithicSparse``)."""
    sectors, first = size // _SECTOR, 32
    directory = _blocks(_blocks(sectors, 512 * 128) * 4, _SECTOR)
    grain = _blocks(first + 2 * directory, 128) * 128
    header = struct.pack(
        "<4sIIQQQQIQQQB4sH", b"KDMV", 1, 3, sectors, 128, 1, 20, 512, first, first + directory, grain, 0, b"\n \r\n", 0
    )
    text = (
        '# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType="monolithicSparse"\n'
        f'RW {sectors} SPARSE "disk.vmdk"\nddb.virtualHWVersion = "4"\nddb.adapterType = "ide"\n'
    )
    content = _padded(header) + text.encode()
    return content, grain * _SECTOR - len(content)


def vdi(size: int) -> Made:
    """VirtualBox's, of blocks that are not there yet."""
    blocks = _blocks(size, _MIB)
    table = _padded(_NOWHERE * blocks)
    header = struct.pack(
        "<64sIIIII256sIIIIIIIQIIII16s",
        b"<<< QEMU VM Virtual Disk Image >>>\n", 0xBEDA107F, 0x00010001, 0x180, 1, 0, b"",
        _SECTOR, _SECTOR + len(table), 0, 0, 0, _SECTOR, 0, size, _MIB, 0, blocks, 0, b"stand-in of disk",
    )  # fmt: skip
    return _padded(header) + table, 0


def _summed(content: bytes, place: int) -> bytes:
    """With the complement of the sum of all bytes in a place that is zero as yet."""
    return content[:place] + struct.pack(">I", ~sum(content) & 0xFFFFFFFF) + content[place + 4 :]


def vpc(size: int) -> Made:
    """Virtual PC's that grows; its size is told in bytes (creator ``qem2``), not in cylinders."""
    block = 2 * _MIB
    entries = _blocks(size, block)
    footer = struct.pack(
        ">8sIIQI4sHH4sQQHBBII16s", b"conectix", 2, 0x00010000, _SECTOR, 0, b"qem2", 5, 3, b"Wi2k", size, size,
        min(size // (_SECTOR * 16 * 63), 65535), 16, 63, 3, 0, b"stand-in of disk",
    )  # fmt: skip
    footer = _summed(_padded(footer), 64)
    header = struct.pack(">8sQQIII", b"cxsparse", 2**64 - 1, 3 * _SECTOR, 0x00010000, entries, block)
    header = _summed(_padded(header, 2 * _SECTOR), 36)
    return footer + header + _padded(_NOWHERE * entries) + footer, 0


def parallels(size: int) -> Made:
    """Clusters of 1 MiB, none of which is there."""
    clusters = _blocks(size, _MIB)
    start = _blocks(64 + 4 * clusters, _MIB) * _MIB
    header = struct.pack(
        "<16sIIIIIQIIIQ", b"WithouFreSpacExt", 2, 16, 1024, 2048, clusters, size // _SECTOR, 0, start // _SECTOR, 0, 0
    )
    return header, start - len(header)


def bochs(size: int) -> Made:
    """A redo log that grows; QEMU reads this format and does not write it."""
    extents = _blocks(size, _MIB)
    header = struct.pack(
        "<32s16s16sIIIIIIQ",
        b"Bochs Virtual HD Image",
        b"Redolog",
        b"Growing",
        0x00020000,
        _SECTOR,
        extents,
        256,
        _MIB,
        0,
        size,
    )
    return _padded(header) + _padded(_NOWHERE * extents), 0


def cloop(size: int) -> Made:
    """Only the first block is there, compressed: the one that is looked at for a partition table."""
    blocks = _blocks(size, _MIB)
    first = zlib.compress(bytes(_MIB), 9)
    begin = 136 + 8 * (blocks + 1)
    offsets = struct.pack(f">{blocks + 1}Q", begin, *[begin + len(first)] * blocks)
    head = b"#!/bin/sh\n#V2.0 Format\n".ljust(128, b"\0")
    return _padded(head + struct.pack(">II", _MIB, blocks) + offsets + first), 0


def dmg(size: int) -> Made:
    """Apple's, of one chunk of zeros, which the property list tells of."""
    sectors = size // _SECTOR
    mish = struct.pack(">4sIQQQ", b"mish", 1, 0, sectors, 0).ljust(204, b"\0")
    mish += struct.pack(">IIQQQQ", 2, 0, 0, sectors, 0, 0) + struct.pack(">IIQQQQ", 0xFFFFFFFF, 0, sectors, 0, 0, 0)
    text = f"<plist><dict><key>blkx</key><array><data>{base64.b64encode(mish).decode()}</data></array></dict></plist>"
    listed = _padded(text.encode())
    trailer = struct.pack(">4sII", b"koly", 4, 512).ljust(0xD8, b"\0") + struct.pack(">QQ", 0, len(text))
    trailer = trailer.ljust(0x1EC, b"\0") + struct.pack(">Q", sectors)
    return listed + _padded(trailer), 0
