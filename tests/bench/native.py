"""Translating beside libvirt: each domain by the parent, the present and libvirt's ``domxml-to-native``, in turns.

All three are asked in processes of their own, and none of them through its service: a time is that of the call alone.
The binary is the installed QEMU, of which libvirt asks by itself.

Without interfaces the processor's time is compared, which others on the machine disturb least.  With interfaces it is
the clock's, as libvirt waits there for the kernel.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import PARENT, PRESENT, Row
from tests.bench.worker import Inside, Libvirt, Took, start_insides
from tests.conftest import CHECKOUT
from tests.integration.processes import PROBER
from tests.recordings import LIBVIRT

#: How often each domain is translated; its best time counts, then the median over the domains.
_ROUNDS = 5
_MS = 1000

#: What we may take, as a share of libvirt's time.  libvirt makes a TAP device for each interface.
_BARS = {"without": 1.0, "with": 0.1}

#: What stays of them (docs/decisions/floors.md).
_FLOORS = {"without": 1.3, "with": 0.2}
_NAME = "translate, domains {} interfaces, against libvirt"


@dataclass
class _Domain:
    """One domain and its times, by who translated it, in seconds."""

    xml: str
    took: dict[str, list[float]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return "with" if "<interface" in self.xml else "without"

    def add(self, who: str, took: Took) -> None:
        seconds = took.seconds if self.kind == "with" else took.cpu
        self.took.setdefault(who, []).append(seconds)

    def best(self, who: str) -> float:
        return min(self.took[who])


def rows() -> Iterator[Row]:
    """Measure; without a QEMU or a libvirt there is nothing to compare with, and the rows say so."""
    installed = shutil.which("qemu-system-x86_64")
    if installed is None:
        yield from _open("no QEMU is installed here")
        return
    with Libvirt() as libvirt, tempfile.TemporaryDirectory(prefix="bench") as place, start_insides() as insides:
        if not libvirt.answers:
            yield from _open("no libvirt that answers here")
            return
        replies = Path(place) / "installed.replies.xz"
        subprocess.run([PROBER, "record", installed, "-o", replies], stdout=subprocess.DEVNULL, check=True)
        domains = _race(insides, libvirt, replies)
    for kind, bar in _BARS.items():
        yield _row(kind, [domain for domain in domains if domain.kind == kind], bar)


def _open(why: str) -> Iterator[Row]:
    for kind, bar in _BARS.items():
        yield Row(_NAME.format(kind), "in process", "", bar=f"≤ {bar} x libvirt", note=why)


def _domains() -> list[_Domain]:
    """libvirt's own where its suite is at hand, else those of our cases."""
    pairs = LIBVIRT / "pairs"
    files = {path.parent / f"{path.name.rsplit('.', 4)[0]}.xml" for path in pairs.glob("*.args")}
    files = files if files else set((CHECKOUT / "tests" / "cases").glob("*.xml"))
    return [_Domain(path.read_text()) for path in sorted(files)]


def _race(insides: dict[str, Inside], libvirt: Libvirt, replies: Path) -> list[_Domain]:
    """Those that all translate; one that anybody refuses is left out from then on."""
    domains = _domains()
    for salt in range(_ROUNDS + 1):
        for domain in list(domains):
            if not _ask_all(domain, insides, libvirt, replies, salt):
                domains.remove(domain)
    return domains


def _ask_all(domain: _Domain, insides: dict[str, Inside], libvirt: Libvirt, replies: Path, salt: int) -> bool:
    took = {name: inside.translate(domain.xml, replies, salt=salt) for name, inside in insides.items()}
    if any(one.refused for one in took.values()):
        return False
    took["libvirt"] = libvirt.translate(domain.xml)
    if took["libvirt"].refused:
        return False
    for name, one in took.items():
        domain.add(name, one)
    return True


def _row(kind: str, domains: list[_Domain], bar: float) -> Row:
    told = f"≤ {bar} x libvirt"
    if not domains:
        return Row(_NAME.format(kind), "in process", "", bar=told, note="there is no domain that all translate")
    ms = {who: statistics.median(domain.best(who) for domain in domains) * _MS for who in domains[0].took}
    ratio = ms[PRESENT] / ms["libvirt"]
    clock = "by the clock" if kind == "with" else "the processor's time"
    parent = f"{ms[PARENT]:.2f} ms = {ms[PARENT] / ms['libvirt']:.2f} x" if PARENT in ms else ""
    return Row(
        _NAME.format(kind),
        "in process",
        f"{ms[PRESENT]:.2f} ms",
        parent,
        f"{ratio:.2f} x libvirt",
        told,
        ratio <= bar,
        f"{clock}; libvirt {ms['libvirt']:.2f} ms; medians of {len(domains)} domains, each the best of {_ROUNDS + 1}",
        bar < ratio <= _FLOORS[kind],
    )
