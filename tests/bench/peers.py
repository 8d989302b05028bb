"""Translating beside newer libvirts, each in its root with its own QEMU (``make peer-roots``): time and memory.

Asked are our cases, in the form in which ``make peers`` asks them, less those that either side refuses.  A time is the
processor's, of the call alone; memory is the most that the process has had after all of it, with what it knows of one
QEMU.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from prober.qemu.files import write_recording
from prober.qemu.interview import interview
from tests.bench import PRESENT, Row
from tests.bench.sides import Side, sides
from tests.bench.worker import Inside
from tests.conftest import CHECKOUT
from tests.peers.domains import as_asked, find_domains
from tests.peers.peer import Peer
from tools.roots import BINARY, PEERS, find_root

#: How often each domain is translated; its best time counts, then the median over the domains.
_ROUNDS = 5
_MS, _MIB = 1000, 1024

#: What we may take, as a share of libvirt's time, and what stays of it (docs/decisions/floors.md).
_BAR, _FLOOR = 1.0, 1.3


def rows() -> Iterator[Row]:
    """Two rows for each libvirt that is laid out."""
    present = next(side for side in sides() if side.name == PRESENT)
    for name in PEERS:
        root = find_root(name)
        if root is None or os.geteuid() != 0:
            why = "needs root" if root is not None else "make peer-roots lays it out"
            yield Row(f"translate, against {name}", "in process", "", bar=f"≤ {_BAR} x libvirt", note=why)
        else:
            yield from _beside(root, present)


def _beside(root: Path, present: Side) -> Iterator[Row]:
    xmls = [as_asked(path.read_text()) for path in find_domains([CHECKOUT / "tests" / "cases"])]
    # libvirt makes a tap for each card, and what the kernel takes for that is no part of translating.
    xmls = [xml for xml in xmls if "<interface" not in xml]
    with (
        tempfile.TemporaryDirectory(prefix="bench") as place,
        Peer(root, times=True) as peer,
        Inside(present) as inside,
    ):
        replies = Path(place) / "root.replies.xz"
        asyncio.run(_record(root, replies))
        ours: dict[str, list[float]] = {}
        theirs: dict[str, list[float]] = {}
        kib = 0
        for salt in range(_ROUNDS):
            for xml in list(xmls):
                said, took = peer.ask(xml), inside.translate(xml, replies, salt=salt)
                if said.error or took.refused:
                    xmls.remove(xml)
                    continue
                kib = said.kib
                ours.setdefault(xml, []).append(took.cpu)
                theirs.setdefault(xml, []).append(said.cpu)
        own_kib = inside.most_memory()
        told = f"libvirt {peer.version[0]}.{peer.version[1]}"
    mine, other = (statistics.median(min(took[xml]) for xml in xmls) * _MS for took in (ours, theirs))
    ratio = mine / other
    note = f"the processor's time; libvirt {other:.2f} ms; medians of {len(xmls)} cases, each the best of {_ROUNDS}"
    yield Row(
        f"translate, against {told}",
        "in process",
        f"{mine:.2f} ms",
        "",
        f"{ratio:.2f} x libvirt",
        f"≤ {_BAR} x libvirt",
        ratio <= _BAR,
        note,
        _BAR < ratio <= _FLOOR,
    )
    note = f"libvirt {kib / _MIB:.0f} MiB; without its daemon, and ours without its service"
    memory = f"{own_kib / kib:.2f} x libvirt"
    yield Row(f"memory of it, against {told}", "in process", f"{own_kib / _MIB:.0f} MiB", "", memory, note=note)


async def _record(root: Path, replies: Path) -> None:
    asked = await interview(BINARY, root=root)
    await write_recording(replies, asked.recording)
