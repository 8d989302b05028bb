"""Members of block drivers as ``-drive`` takes them: those of the schema, and names of the drivers' own.

``-blockdev`` takes what the schema has.  ``-drive`` hands keys to the drivers, each of which reads a list of its own
(``block/*.c``, ``QemuOptsList``; QEMU 5.2 and 7.2), with names that the schema does not have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

#: What ``-drive`` itself takes as a list (``blockdev.c``, ``blockdev_init``).
_INTERVALS = re.compile(r"stats-intervals\.\d{1,9}")

#: Names that drivers have and the schema does not: nbd's and ssh's (before they had ``server``), those of files' names
#: that each protocol takes apart, sheepdog's (until 6.0), rbd's and the rest.
_OWN = frozenset(
    {
        "addr", "debug", "filename", "force_size_calc", "host", "host_key_check", "keyvalue-pairs", "logfile",
        "password", "path", "port", "prealloc-mode", "prealloc-size", "snap-id", "tag", "timeout", "to", "transport",
        "url", "vdi", "x-check-cache-dropped", "x-image", "x-raw", "=keyvalue-pairs",
    }
)  # fmt: skip

#: What describes a node below another, or is a list of such; the last are those of vmdk and vvfat alone.
CHILDREN = frozenset(
    {"file", "backing", "data-file", "image", "raw", "target", "test", "log", "top", "extents", "write-target", "qcow"}
)
#: Names of single drivers, beside those of the schema.
DRIVERS_OWN: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "file": frozenset({"filename", "x-check-cache-dropped"}),
        "host_device": frozenset({"filename", "x-check-cache-dropped"}),
        "nbd": frozenset({"filename", "host", "path", "port"}),
        "vvfat": frozenset({"filename", "qcow", "write-target"}),
    }
)

_LISTS = frozenset({"children", "extents"})


def schema_path(key: str) -> list[str]:
    """The path of a key in the schema, without the nodes that it goes down through and without numbers of lists."""
    path = key.split(".")
    at = 0
    while at + 1 < len(path):
        if path[at] in _LISTS and path[at + 1].isdecimal():
            at += 2
        elif path[at] in CHILDREN:
            at += 1
        else:
            break
    rest = [step for step in path[at:] if not step.isdecimal()]
    return rest or ["driver"]


def is_own_name(key: str) -> bool:
    """Whether it is a name that the schema does not have."""
    return _INTERVALS.fullmatch(key) is not None or schema_path(key)[0] in _OWN
