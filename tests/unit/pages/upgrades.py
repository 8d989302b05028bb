"""Upgrades that were rehearsed, as models, for tests of their page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prober.capabilities.models import Version
from prober.guest.cards.name import CardChange, CardName
from prober.host.host import Host
from prober.pages.upgrade import UpgradeBookMaker
from prober.pages.upgrade_models import UpgradeBook, UpgradeRow
from prober.proof.models import ProofVerdict
from prober.proof.subject import LineSubject
from prober.rehearsal.models import GuestChange, Migration, SideTold
from prober.rehearsal.upgrade import Mend, Upgraded, UpgradeQemu
from prober.rehearsal.verdict import RehearsalVerdict
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.conftest import CHECKOUT
from tests.unit.pages.books import HOSTILE, bundled

CI, MAIL, WEB = ((CHECKOUT / "fixtures" / "upgrade" / f"{name}.xml").read_text() for name in ("ci", "mail", "web"))

#: What QEMU 11.1 says of queues that 10.0 made larger.
QUEUES = "VQ 0 vring.num 256 exceeds allocated max 128\nload of migration failed: Invalid argument"


def qemu_of(version: str) -> UpgradeQemu:
    """A recording that comes along, as if it were on this host."""
    return UpgradeQemu(LineSubject("/usr/bin/qemu-system-x86_64", bundled(version)), Host())


def moved(verdict: str = "rehearsed", **told: Any) -> Migration:
    """What came of a migration of a QEMU that was started."""
    side = SideTold(binary="/usr/bin/qemu-system-x86_64", version=Version(major=10, minor=0, micro=13))
    fields = {"source": side, "destination": side, "confinement": "bubblewrap", **told}
    return Migration.model_validate({"verdict": RehearsalVerdict(verdict), **fields})


def upgraded(file: str = "vm.xml", **told: Any) -> Upgraded:
    """One domain that goes on as it is, but for what is ``told`` otherwise."""
    usual = {
        "machine": "pc-q35-10.0",
        "machine_there": "pc-q35-10.0",
        "starts": ProofVerdict.proven,
        "ground": "proven",
    }
    return Upgraded.model_validate({"file": file, **usual, "there": moved(), "back": moved(), **told})


def mend(value: str, **told: Any) -> Mend:
    """A machine type to write."""
    usual = {"path": "/domain/os/type/@machine", "why": "why", "verdict": ProofVerdict.proven, "restarts": False}
    return Mend.model_validate({"value": value, **usual, **told})


def upgrade_of(*domains: tuple[Upgraded, str], title: str = "An upgrade", driven: bool = True) -> UpgradeBook:
    """The book of these on their way from 10.0 to 11.1, each with its XML (empty: it was not read)."""
    maker = UpgradeBookMaker(qemu_of("10.0.13"), qemu_of("11.1.2"), ("debian-13", "forky"))
    for told, xml in domains:
        maker.add(told, xml.encode(), read_domain(xml.encode()) if xml else None)
    return maker.make(title, "made by a test", "2026-11-30T12:00:00Z", driven=driven)


def row_of(told: Upgraded, xml: str = CI) -> UpgradeRow:
    """What the page is told of one."""
    (row,) = upgrade_of((told, xml)).domains
    return row


def word_of(xml: str, needle: str, version: str = "11.1.2") -> int:
    """The index of the first word of a domain's argv that holds this, less one: where its flag is."""
    caps = bundled(version)
    argv: Sequence[str] = translate(read_domain(xml.encode()), caps, binary="q").argv
    return next(at for at, word in enumerate(argv) if needle in word) - 1


def line_of(xml: str, needle: str) -> int:
    """The number of the first line that holds this."""
    return next(at for at, line in enumerate(xml.splitlines(), 1) if needle in line)


def hostile_upgraded() -> Upgraded:
    """One domain of which all that comes from outside is markup."""
    seen = GuestChange(where=f"{HOSTILE} net0 at 1", part=HOSTILE, here=HOSTILE, there=None)
    return upgraded(
        f"vm{HOSTILE}.xml",
        machine=HOSTILE,
        starts=ProofVerdict.refused,
        said=HOSTILE,
        there=moved("refused", said=HOSTILE, device=HOSTILE, reason=HOSTILE, changes=(seen,), because=(seen,)),
        deprecated=(HOSTILE,),
        mends=(mend(HOSTILE),),
    )


#: The three of docs/rehearsal.md on the way from Debian 13 to forky, and one of each other kind.
def examples() -> list[tuple[Upgraded, str]]:
    """A domain of each outcome."""
    queue = moved("refused", stage="stream", said=QUEUES, device="virtio-9p-pci fs0 at 02.0")
    seen = GuestChange(where="virtio-net-pci net0 at 03.0", part="vectors", here=3, there=9)
    written = mend(
        "3", path="/domain/x[@name='vectors']/@value", xml="<x name='vectors' value='3'/>", there="rehearsed"
    )
    card = CardChange(
        card="net0", before=CardName(card="net0", name="ens3"), after=CardName(card="net0", name="enp0s3")
    )
    return [
        (upgraded("ci.xml", there=queue, mends=(mend("pc-i440fx-10.0"),), machine="pc-i440fx-10.0"), CI),
        (upgraded("web.xml"), WEB),
        (upgraded("seen.xml", there=moved("rehearsed in part", changes=(seen,)), cards=(card,), mends=(written,)), CI),
        (upgraded("back.xml", back=moved("refused", said="no section")), WEB),
        (upgraded("unknown.xml", there=moved("not provable", reason="it takes --driven")), WEB),
        (upgraded("part.xml", starts=ProofVerdict.in_part), WEB),
        (Upgraded(file="none.xml", unreadable="not XML"), ""),
    ]
