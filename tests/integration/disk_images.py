"""Disk images for real QEMUs, written without qemu-img."""

from __future__ import annotations

import struct
from pathlib import Path

SIZE = 1 << 20

_CLUSTER_BITS = 16


def write_raw(path: Path) -> None:
    """An empty raw image of :data:`SIZE` bytes."""
    with path.open("wb") as image:
        image.truncate(SIZE)


def write_qcow2(path: Path) -> None:
    """An empty qcow2 image of :data:`SIZE` bytes (QEMU, ``docs/interop/qcow2.txt``, version 2).

    Four clusters: the header, the refcount table, the one refcount block, and the L1 table.
    """
    cluster = 1 << _CLUSTER_BITS
    header = struct.pack(
        ">4sIQIIQIIQQIIQ",
        *(b"QFI\xfb", 2),  # magic, version
        *(0, 0),  # backing file: none
        *(_CLUSTER_BITS, SIZE),
        0,  # not encrypted
        *(1, 3 * cluster),  # entries and place of the L1 table
        *(1 * cluster, 1),  # place and clusters of the refcount table
        *(0, 0),  # snapshots: none
    )
    refcount_table = struct.pack(">Q", 2 * cluster)
    refcount_block = struct.pack(">4H", 1, 1, 1, 1)
    clusters = (header, refcount_table, refcount_block, b"")
    path.write_bytes(b"".join(content.ljust(cluster, b"\0") for content in clusters))
