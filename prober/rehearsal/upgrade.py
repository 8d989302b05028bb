"""What a domain comes to when the QEMU under it is replaced: does it start, does it migrate, what does it lose.

Machine types are told by what the binaries have, and never by a version number: a vendor's build lacks types, devices
and options that another of the same version has.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.diff import diff
from prober.capabilities.difference import Change, Difference
from prober.capabilities.models import Machine
from prober.commandline.machines.find import machine_family
from prober.commandline.refusal import Kind, Refusal
from prober.commandline.report import ArgvFinding
from prober.domain.domain import Domain
from prober.errors import RefusedError
from prober.guest.cards.name import CardChange, CardName, compare_card_names
from prober.host.host import Host
from prober.proof.kvm import KvmTrial
from prober.proof.models import Blamed, Omission, ProofVerdict
from prober.proof.once import prove_once
from prober.proof.subject import LineRequest, LineSubject
from prober.rehearsal.mending import Kept, kept_features, kept_properties, with_kept
from prober.rehearsal.migration import MigrationAsked, rehearse_migration
from prober.rehearsal.models import Migration
from prober.rehearsal.verdict import RehearsalVerdict
from prober.translate.pinned import canonical_machine, with_machine
from prober.translate.pipeline import translate
from prober.translate.places import find_word_places
from prober.translate.translation import Translation
from prober.translate.uses import compare_for, keep_used

#: How many machine types are tried in the place of one that is gone, and how many properties of devices, and features
#: of the CPU, are written.
_TRIED, _KEPT, _FEATURES = 3, 8, 40


class Mend(BaseModel):
    """A change of the XML that helps, and what came of trying it: ``verdict`` is that of a start on the new QEMU, on
    the ``ground`` that it was started, or that it was held against what it says of itself alone.

    ``xml`` is the element to write where it is a new one.  ``restarts`` is whether a guest that runs has to be started
    anew for it, ``there`` what came of a migration to the new QEMU with it, where it helps with that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    value: str
    why: str
    verdict: ProofVerdict
    ground: Literal["checked", "proven"] = "proven"
    restarts: bool
    xml: str = ""
    there: RehearsalVerdict | None = None


class Upgraded(BaseModel):
    """One domain.

    ``machine`` is the type that it runs on the old QEMU, ``machine_there`` what its XML stands for on the new one, and
    ``starts`` what came of a start there (None where the domain is refused, by ``refusals``): ``ground`` is *proven*
    where it was started, ``said`` are QEMU's own words where it refused, about an ``option`` of the line, ``reason`` is
    why it is not provable, ``findings`` are what the check and the live QEMU said of the line, and ``left_out`` is what
    it was started without.  ``there`` and ``back`` are the migrations of a guest that keeps its machine type; None
    where a line is refused.  ``deprecated`` is what the new QEMU warns of, in words, ``differences`` what it has
    otherwise of all that the domain uses.  ``cards`` are
    the network cards that a guest with systemd would call otherwise after its next start there, ``names`` what it calls
    each with the old QEMU.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    machine: str = ""
    machine_there: str = ""
    starts: ProofVerdict | None = None
    ground: Literal["checked", "proven"] = "checked"
    said: str = ""
    reason: str = ""
    option: Blamed | None = None
    findings: tuple[ArgvFinding, ...] = ()
    left_out: tuple[Omission, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    refused_now: tuple[Refusal, ...] = ()
    there: Migration | None = None
    back: Migration | None = None
    deprecated: tuple[str, ...] = ()
    differences: tuple[Change, ...] = ()
    mends: tuple[Mend, ...] = ()
    cards: tuple[CardChange, ...] = ()
    names: tuple[CardName, ...] = ()
    unreadable: str = ""

    @property
    def verdict(self) -> RehearsalVerdict:
        """The worst of start and migrations."""
        if self.unreadable or self.refusals or self.refused_now or self.starts is ProofVerdict.refused:
            return RehearsalVerdict.refused
        verdicts = {one.verdict for one in (self.there, self.back) if one is not None}
        if self.starts is ProofVerdict.not_provable:
            verdicts.add(RehearsalVerdict.not_provable)
        order = (RehearsalVerdict.refused, RehearsalVerdict.not_provable, RehearsalVerdict.in_part)
        return next((one for one in order if one in verdicts), RehearsalVerdict.rehearsed)


@dataclass(frozen=True)
class UpgradeQemu:
    """One of the two QEMUs, with the settings of its host."""

    subject: LineSubject
    host: Host

    @property
    def caps(self) -> Capabilities:
        """What it can do."""
        return self.subject.capabilities

    def translate(self, domain: Domain) -> Translation:
        """What a domain comes to with it.

        :raise RefusedError: with every reason.
        """
        return translate(domain, self.caps, binary=self.subject.binary, host=self.host)

    def argv(self, domain: Domain) -> tuple[str, ...]:
        """The line that makes a domain with it.

        :raise RefusedError: with every reason.
        """
        return self.translate(domain).argv


class UpgradeRehearsal:
    """Rehearses the upgrade from one QEMU to another, for many domains; ``driven`` as migrations have it."""

    def __init__(self, old: UpgradeQemu, new: UpgradeQemu, *, driven: bool = False) -> None:
        self._old = old
        self._new = new
        self._driven = driven
        self._kvm = KvmTrial()
        self._difference: Difference | None = None

    async def rehearse(self, file: str, domain: Domain) -> Upgraded:
        """What becomes of one domain.

        :raise ConfinementError: where a QEMU cannot be confined.
        :raise QemuError: where one cannot be started, or gives no verdict.
        """
        machine = canonical_machine(domain, self._old.caps, self._old.host)
        told = Upgraded(
            file=file,
            machine=machine,
            machine_there=canonical_machine(domain, self._new.caps, self._new.host),
            differences=tuple(self._differences(domain)),
        )
        try:
            translation = self._new.translate(domain)
        except RefusedError as error:
            told = told.model_copy(update={"refusals": tuple(error.refusals)})
        else:
            told = told.model_copy(update={**await self._start(translation.argv), **self._cards(domain, translation)})
        told = told.model_copy(update=await self._migrate(domain, machine))
        return told.model_copy(update={"mends": tuple([one async for one in self._mends(domain, told)])})

    def _cards(self, domain: Domain, there: Translation) -> dict[str, object]:
        """What its guest calls its cards, and would call otherwise after the next start; nothing where the old QEMU
        refuses the domain."""
        try:
            here = self._old.translate(domain)
        except RefusedError:
            return {}
        return {"names": here.cards, "cards": tuple(compare_card_names(here.cards, there.cards))}

    async def _start(self, line: tuple[str, ...]) -> dict[str, object]:
        proof = await prove_once(self._new.subject, LineRequest(line))
        warned = [f"{one.flag}: {one.message}" for one in proof.findings if one.kind is Kind.deprecated]
        warned += [text for text in proof.warnings if "deprecated" in text]
        return {
            "starts": proof.verdict,
            "ground": proof.ground,
            "said": proof.said,
            "reason": proof.reason,
            "option": proof.option,
            "findings": proof.findings,
            "left_out": proof.left_out,
            "deprecated": tuple(dict.fromkeys(warned)),
        }

    async def _migrate(self, domain: Domain, machine: str) -> dict[str, object]:
        """There and back, with the machine type that the guest runs."""
        kept = with_machine(domain, machine)
        try:
            here = self._old.argv(kept)
        except RefusedError as error:
            return {"refused_now": tuple(error.refusals)}
        try:
            there = self._new.argv(kept)
        except RefusedError as error:
            return {"refusals": tuple(error.refusals)}
        old, new = (self._old.subject, LineRequest(here)), (self._new.subject, LineRequest(there))
        found: dict[str, object] = {}
        for name, (source, destination) in {"there": (old, new), "back": (new, old)}.items():
            asked = MigrationAsked(*source, *destination, self._driven)
            found[name] = await rehearse_migration(asked, kvm=self._kvm)
        return found

    def _differences(self, domain: Domain) -> Iterator[Change]:
        """What of all that the domain uses the new QEMU has otherwise; what it has new concerns nobody."""
        if self._difference is None:
            self._difference = diff(self._old.caps, self._new.caps)
        uses, _ = compare_for(domain, self._old.caps, self._new.caps, self._new.subject.binary)
        for group in keep_used(self._difference, uses).groups:
            for change in group.changes:
                if change.kind in ("removed", "deprecated") or change.what == "default":
                    yield change

    async def _mends(self, domain: Domain, told: Upgraded) -> AsyncIterator[Mend]:
        """Changes of the XML that help, each of which was tried."""
        if self._new.caps.machine(told.machine) is None:
            for name in nearest_machines(told.machine, self._new.caps)[:_TRIED]:
                why = f"the new QEMU has no {told.machine}; the guest sees another machine"
                mend = await self._try(domain, name, why, restarts=True)
                if mend is not None and mend.verdict in (ProofVerdict.proven, ProofVerdict.in_part):
                    yield mend
                    return
        elif told.machine != told.machine_there:
            written = domain.os.type.machine or "no machine at all"
            why = f"{written} is {told.machine} now and would be {told.machine_there} at the next start"
            mend = await self._try(domain, told.machine, why, restarts=False)
            if mend is not None and mend.verdict is not ProofVerdict.refused:
                yield mend
        if told.there is not None:
            for mend in await self._keep(domain, told.machine, told.there):
                yield mend

    async def _keep(self, domain: Domain, machine: str, there: Migration) -> list[Mend]:
        """Properties of devices that a guest would see change, or that a migration was refused for, written as they are
        now, and features of its CPU that it has not: all of them, and where that is not taken, each by itself."""
        kept = with_machine(domain, machine)
        aliases = find_word_places(kept, self._old.caps, self._old.host).by_id
        properties = [*kept_properties((*there.because, *there.changes), aliases)]
        wanted: list[Kept] = [*properties[:_KEPT], *[*kept_features(there.changes, kept)][:_FEATURES]]
        mends = await self._keep_some(domain, kept, wanted) if wanted else []
        if not mends and len(wanted) > 1:
            for one in wanted[:_KEPT]:
                mends += await self._keep_some(domain, kept, [one])
        return mends

    async def _keep_some(self, domain: Domain, kept: Domain, some: Sequence[Kept]) -> list[Mend]:
        """Those of these properties that help, all of them written; none where that is refused, or not taken."""
        try:
            here, there = self._old.argv(kept), self._new.argv(with_kept(kept, some))
            start = self._new.argv(with_kept(domain, some))
        except RefusedError:
            return []
        old, new = (self._old.subject, LineRequest(here)), (self._new.subject, LineRequest(there))
        moved = await rehearse_migration(MigrationAsked(*old, *new, self._driven), kvm=self._kvm)
        helped = [one for one in some if not one.is_seen(moved.changes)]
        if moved.verdict not in (RehearsalVerdict.rehearsed, RehearsalVerdict.in_part) or not helped:
            return []
        proof = await prove_once(self._new.subject, LineRequest(start))
        if proof.verdict is ProofVerdict.refused:
            return []
        return [
            Mend(
                path=one.path,
                value=one.text,
                why=one.why,
                verdict=proof.verdict,
                ground=proof.ground,
                restarts=False,
                xml=one.xml,
                there=moved.verdict,
            )
            for one in helped
        ]

    async def _try(self, domain: Domain, machine: str, why: str, *, restarts: bool) -> Mend | None:
        """A start on the new QEMU with another machine type; None where the domain is refused with that as well."""
        try:
            line = self._new.argv(with_machine(domain, machine))
        except RefusedError:
            return None
        proof = await prove_once(self._new.subject, LineRequest(line))
        path = "/domain/os/type/@machine"
        return Mend(path=path, value=machine, why=why, verdict=proof.verdict, ground=proof.ground, restarts=restarts)


def nearest_machines(machine: str, caps: Capabilities) -> list[str]:
    """The machine types of the same family that a QEMU has, the best to take instead first: of the same series, not
    deprecated, and then those that come next behind it, or before it."""
    family, series, own = machine_family(machine, caps.target), machine.rpartition("-")[0], _numbers(machine)

    def rank(one: Machine) -> tuple[object, ...]:
        numbers = _numbers(one.name)
        later = numbers >= own
        near = numbers if later else tuple(-number for number in numbers)
        return one.name.rpartition("-")[0] != series, one.deprecated, not later, near

    alike = [
        one for one in (caps.accelerator.machines or {}).values() if machine_family(one.name, caps.target) is family
    ]
    return [one.name for one in sorted(alike, key=rank)]


def _numbers(name: str) -> tuple[int, ...]:
    """The numbers at the end of a name: ``pc-q35-7.2`` is (7, 2)."""
    last = name.rpartition("-")[2]
    return tuple(int(part) for part in last.split(".") if part.isdecimal())
