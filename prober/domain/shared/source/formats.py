"""The formats of images: libvirt's names for them, and QEMU's."""

from __future__ import annotations

from typing import Literal, TypeAlias

#: What an image may be (libvirt's ``cow``, ``dir`` and ``iso`` are none that QEMU opens; an ISO image is ``raw``).
FormatName: TypeAlias = Literal[
    "raw", "bochs", "cloop", "dmg", "vpc", "vdi", "fat", "vhd", "ploop", "qcow", "qcow2", "qed", "vmdk"
]

#: QEMU's block driver for each (libvirt 11.3, ``qemuBlockStorageSourceGetBlockdevFormatProps``).
FORMATS: dict[str, str] = {
    "raw": "raw",
    "bochs": "bochs",
    "cloop": "cloop",
    "dmg": "dmg",
    "vpc": "vpc",
    "vdi": "vdi",
    "fat": "raw",
    "vhd": "vhdx",
    "ploop": "parallels",
    "qcow": "qcow",
    "qcow2": "qcow2",
    "qed": "qed",
    "vmdk": "vmdk",
}

#: Those whose images may stand on another image.
WITH_BACKING = frozenset({"qcow", "qcow2", "qed", "vmdk"})
