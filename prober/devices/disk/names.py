"""The names that ``<target dev>`` gives: what they begin with, and the number that they stand for."""

from __future__ import annotations

import re
from functools import lru_cache

#: libvirt's names, without a partition's number behind (``virDiskNameParse``).
_NAME = re.compile(r"(fd|hd|vd|sd|xvd|ubd)([a-z]{1,7})")

#: An NVMe namespace: its controller and its number, from 1 on, without a partition's number behind.
_NVME = re.compile(r"nvme(0|[1-9]\d{0,2})n([1-9]\d{0,4})(?:p[1-9]\d*)?")

#: The largest index that libvirt counts to.
_MOST = 2**31 - 1

#: How many disks the names put on one controller of each bus (libvirt, ``virDomainDiskDefAssignAddress``).
UNITS = {"ide": 4, "sata": 6, "scsi": 7, "fdc": 2}

#: How many namespaces an NVMe controller has at most (QEMU, ``hw/nvme/nvme.h``, NVME_MAX_NAMESPACES).
NAMESPACES = 256


@lru_cache(maxsize=1024)
def prefix_of(name: str) -> str:
    """What the name begins with, or nothing where it is none."""
    match = _NAME.fullmatch(name)
    if match is None and namespace_of(name) is not None:
        return "nvme"
    return match.group(1) if match else ""


def namespace_of(name: str) -> tuple[int, int] | None:
    """The controller and the unit, both from 0, of a name like nvme0n1; None where it is no such name."""
    match = _NVME.fullmatch(name)
    return (int(match[1]), int(match[2]) - 1) if match else None


@lru_cache(maxsize=1024)
def index_of(name: str) -> int:
    """The number in the name: vda is 0, vdb 1, vdaa 26; -1 where it is no name (``virDiskNameToIndex``)."""
    match = _NAME.fullmatch(name)
    namespace = namespace_of(name)
    if namespace is not None:
        return namespace[0] * NAMESPACES + namespace[1]
    index = 0
    for letter in match.group(2) if match else "":
        index = index * 26 + ord(letter) - ord("a") + 1
    return index - 1 if index <= _MOST else -1
