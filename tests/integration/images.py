"""Disk images for QEMUs that are started and never run: small, sparse, and made without tools."""

from __future__ import annotations

import struct
from pathlib import Path

_CLUSTER = 65536


def write_image(path: Path, kind: str) -> None:
    """An empty image of 1 MiB, ``raw`` or ``qcow2``."""
    if kind == "qcow2":
        path.write_bytes(_qcow2(1024 * 1024))
    else:
        with path.open("wb") as file:
            file.truncate(1024 * 1024)


def _qcow2(size: int) -> bytes:
    """Version 2: header, refcount table, refcount block and an empty L1 table, a cluster each.

    QEMU, ``docs/interop/qcow2.txt``.
    """
    header = struct.pack(
        ">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 16, size, 0, 1, 3 * _CLUSTER, _CLUSTER, 1, 0, 0
    )  # fmt: skip
    table = struct.pack(">Q", 2 * _CLUSTER)
    block = struct.pack(">4H", 1, 1, 1, 1)
    return b"".join(part.ljust(_CLUSTER, b"\0") for part in (header, table, block, b""))
