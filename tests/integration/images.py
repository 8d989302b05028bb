"""Disk images for QEMUs that are started and never run: small, sparse, and made without tools."""

from __future__ import annotations

import struct
from pathlib import Path

_CLUSTER = 65536


_MIB = 1024 * 1024


def write_image(path: Path, kind: str, least: int = _MIB) -> None:
    """An empty image: ``raw``, ``qcow2`` or ``qcow2 with a data file``; of 1 MiB, or raw of ``least`` bytes or more."""
    if kind.startswith("qcow2"):
        path.write_bytes(_qcow2(_MIB, has_data_file=kind != "qcow2"))
    else:
        with path.open("wb") as file:
            file.truncate(max(_MIB, least))


def _qcow2(size: int, *, has_data_file: bool) -> bytes:
    """Header, refcount table, refcount block and an empty L1 table, a cluster each.

    Version 3, which some options ask for; perhaps with the incompatible feature of an external data file.  QEMU,
    ``docs/interop/qcow2.txt``.
    """
    header = struct.pack(
        ">4sIQIIQIIQQIIQ", b"QFI\xfb", 3, 0, 0, 16, size, 0, 1, 3 * _CLUSTER, _CLUSTER, 1, 0, 0
    )  # fmt: skip
    header += struct.pack(">QQQII", 1 << 2 if has_data_file else 0, 0, 0, 4, 104)
    table = struct.pack(">Q", 2 * _CLUSTER)
    block = struct.pack(">4H", 1, 1, 1, 1)
    return b"".join(part.ljust(_CLUSTER, b"\0") for part in (header, table, block, b""))
