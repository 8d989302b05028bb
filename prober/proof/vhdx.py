"""The smallest image of Hyper-V's format (``block/vhdx.c``; [MS-VHDX])."""

from __future__ import annotations

import struct
from functools import cache
from uuid import UUID

_KIB, _MIB = 1024, 1024**2

#: One MiB each, in this order behind the first: the log, the metadata, the table of blocks.
_LOG, _METADATA, _TABLE = _MIB, 2 * _MIB, 3 * _MIB

_BLOCK = 32 * _MIB

_REGIONS = {
    UUID("2dc27766-f623-4200-9d64-115e9bfd4a08"): _TABLE,
    UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e"): _METADATA,
}


@cache
def _castagnoli() -> tuple[int, ...]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return tuple(table)


def _crc32c(content: bytes) -> int:
    table, crc = _castagnoli(), 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _checked(content: bytes, size: int) -> bytes:
    """Of this size, with its checksum behind the signature."""
    content = content.ljust(size, b"\0")
    return content[:4] + struct.pack("<I", _crc32c(content)) + content[8:]


def _metadata(size: int) -> bytes:
    items = (
        ("caa16737-fa36-4d43-b3b6-33f0aa44e76b", struct.pack("<II", _BLOCK, 0), 4),
        ("2fa54224-cd1b-4876-b211-5dbed83bf4b8", struct.pack("<Q", size), 6),
        ("beca12ab-b2e6-4523-93ef-c309e000c746", b"stand-in of disk", 6),
        ("8141bf1d-a96f-4709-ba47-f233a8faab5f", struct.pack("<I", 512), 6),
        ("cda348c7-445d-4471-9cc9-e9885251c556", struct.pack("<I", 512), 6),
    )
    table, data = struct.pack("<8sHH20s", b"metadata", 0, len(items), b""), b""
    for name, value, bits in items:
        table += UUID(name).bytes_le + struct.pack("<IIII", 64 * _KIB + len(data), len(value), bits, 0)
        data += value
    return table.ljust(64 * _KIB, b"\0") + data


@cache
def _head() -> bytes:
    """All that is the same in each: what the file is, two headers, two tables of regions."""
    log = struct.pack("<16sHHIQ", b"", 0, 1, _MIB, _LOG)
    headers = [
        _checked(
            struct.pack("<4sIQ16s16s", b"head", 0, number, b"stand-in of disk", b"stand-in of disk") + log, 4 * _KIB
        )
        for number in (1, 2)
    ]
    regions = b"".join(uuid.bytes_le + struct.pack("<QII", place, _MIB, 1) for uuid, place in _REGIONS.items())
    listed = _checked(struct.pack("<4sIII", b"regi", 0, len(_REGIONS), 0) + regions, 64 * _KIB)
    parts = (b"vhdxfile", *headers, listed, listed)
    return b"".join(part.ljust(64 * _KIB, b"\0") for part in parts).ljust(_METADATA, b"\0")


def vhdx(size: int) -> tuple[bytes, int]:
    """The content of the file, and how much of a hole follows; ``size`` is the disk's in bytes."""
    content = _head() + _metadata(size)
    return content, _TABLE + _MIB - len(content)
