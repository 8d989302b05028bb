"""The block drivers that a command line names: in the tree of a ``-blockdev``, and by the keys and the file of a
``-drive``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from prober.commandline.block_trees import DEEPEST_NODE
from prober.commandline.grounds import Grounds
from prober.commandline.options import Keyval, Qapi
from prober.commandline.refusal import Finding
from prober.qemu.drivers import MODULE_DRIVERS

#: Formats and filters, which lie over a file (``block/*.c``: what opens a child of that name or ``image``).
OVER_FILES = frozenset(
    {
        "blkdebug", "blklogwrites", "blkreplay", "blkverify", "bochs", "cloop", "compress", "copy-before-write",
        "copy-on-read", "dmg", "luks", "parallels", "preallocate", "qcow", "qcow2", "qed", "quorum", "raw",
        "replication", "snapshot-access", "throttle", "vdi", "vhdx", "vmdk", "vpc",
    }
)  # fmt: skip

#: What may stand before the colon of a file's name, and is no driver's name itself (QEMU, ``block.c``,
#: ``bdrv_find_protocol``; ``block/gluster.c``, ``block/iscsi.c``: ``protocol_name``).
_PROTOCOLS = MappingProxyType(
    {"gluster+tcp": "gluster", "gluster+unix": "gluster", "gluster+rdma": "gluster", "iser": "iscsi"}
)


def check_drivers(option: Qapi | Keyval, grounds: Grounds) -> Iterator[Finding]:
    """That the module is installed of each block driver that may live in one."""
    named = drivers_in(option.value) if isinstance(option, Qapi) else _drivers_of_drive(option)
    for part, driver in named:
        if driver in MODULE_DRIVERS:
            place = option.place
            if isinstance(option, Qapi):
                place = option.places.get(part.partition(".")[0], place)
            yield from grounds.backend("blockdev", driver, place, part=part)


def drivers_in(tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The drivers of a block node and of those that are described inside of it, each behind the path to it."""
    waiting: list[tuple[str, Any, int]] = [("", tree, 0)]
    while waiting:
        path, here, depth = waiting.pop()
        if isinstance(here, Mapping):
            driver = here.get("driver")
            if isinstance(driver, str):
                yield f"{path}driver", str(driver)
        if depth < DEEPEST_NODE:
            inner = here.items() if isinstance(here, Mapping) else enumerate(here)
            found = [(f"{path}{name}.", value, depth + 1) for name, value in inner if isinstance(value, (dict, list))]
            waiting += reversed(found)


def _drivers_of_drive(drive: Keyval) -> Iterator[tuple[str, str]]:
    for name, value, _ in drive.pairs:
        if not isinstance(value, str):
            continue
        if name in ("driver", "format") or name.endswith(".driver"):
            yield name, str(value)
        elif name == "file" or name.endswith(".filename"):
            yield from _drivers_of_file(name, str(value))


def _drivers_of_file(part: str, filename: str) -> Iterator[tuple[str, str]]:
    """What a file's name stands for: ``rbd:pool/image``, ``https://host/image``, ``json:{"driver": …}``."""
    prefix, colon, rest = filename.partition(":")
    if not colon:
        return
    if prefix == "json":
        with suppress(ValueError, RecursionError):
            tree = json.loads(rest)
            if isinstance(tree, dict):
                yield from ((part, driver) for _, driver in drivers_in(tree))
    else:
        yield part, _PROTOCOLS.get(prefix, prefix)
