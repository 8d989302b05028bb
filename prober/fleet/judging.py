"""One domain against the builds and variants of a fleet: read once, translated once for each build.

What a variant adds is compared and not translated: whether there is KVM, and what the host's CPU lacks.  What is
refused for a build is refused on each host that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple

from prober.capabilities.evidence import Verdict
from prober.commandline.refusal import Refusal
from prober.domain.domain import Domain
from prober.errors import FleetError, RefusedError
from prober.fleet.known import Fleet, Kit
from prober.fleet.memo import remember
from prober.fleet.records import HostBuild
from prober.guest.cpu.check import cpu_refusals
from prober.guest.cpu.demand import CpuDemand, demand_of
from prober.guest.cpu.lacking import Lack, lacking
from prober.guest.cpu.offer import CpuOffer, make_offer
from prober.translate.pipeline import translate
from prober.translate.read import read_domain

#: So many judgements of builds are remembered.
_REMEMBERED = 65_536

#: So many variants are kept as offers to compare with.
_OFFERS = 4096

#: So many domains are kept as they were read, of so many bytes each at most; and of each, what so many kits and so many
#: variants make of it.
_QUESTIONS, _QUESTION_BYTES = 64, 32 << 10
_KITS = _VARIANTS = 4096

#: So many reasons of one build are kept; nobody reads more of a thousand builds.
_REASONS = 20


class Able(StrEnum):
    """Whether a QEMU, or a host, can run a domain.  *unknown*: what is known of it does not tell."""

    able = "able"
    unable = "unable"
    unknown = "unknown"


class Reason(NamedTuple):
    """Why not, in a few words: QEMU's name of what is missing (empty where it has none), and the sentence."""

    qemu_name: str
    message: str


class Judgement(NamedTuple):
    """What one QEMU makes of a domain, and why."""

    able: Able
    reasons: tuple[Reason, ...] = ()


_ABLE = Judgement(Able.able)
_NO_KVM = "the domain is for KVM, which this host does not have"


@dataclass
class FleetQuestion:
    """A domain that hosts are asked for.

    Where ``any_emulator`` is not set, and the XML names an ``<emulator>``, only what lies at this path is asked.

    :raise UnreadableDomainError: where it is no XML.
    """

    xml: bytes
    any_emulator: bool = False
    assume_unknown_present: bool = False
    domain: Domain | None = field(init=False)
    refusals: tuple[Refusal, ...] = field(init=False, default=())
    #: How often the domain was translated: once for each build.
    translated: int = field(init=False, default=0)
    #: What kits and variants make of it, of which all is known.
    of_kits: dict[Kit, Judgement] = field(init=False, default_factory=dict, repr=False)
    of_variants: dict[str, Judgement] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        try:
            self.domain = read_domain(self.xml)
        except RefusedError as error:
            self.domain, self.refusals = None, tuple(error.refusals)

    @cached_property
    def digest(self) -> bytes:
        """What it is remembered by."""
        return blake2b(self.xml, digest_size=16).digest() + bytes([self.assume_unknown_present])

    def on_machine(self, machine: str) -> FleetQuestion:
        """The same for a machine of this name, as a guest has one that runs already."""
        assert self.domain is not None, "what is refused as a whole runs nowhere"
        asked = copy(self)
        os = self.domain.os
        asked.domain = self.domain.replace(os=os.replace(type=os.type.replace(machine=machine)))
        asked.of_kits, asked.of_variants = {}, {}
        asked.__dict__.pop("demand", None)
        asked.__dict__["digest"] = blake2b(self.digest + machine.encode(), digest_size=17).digest()
        return asked

    @cached_property
    def demand(self) -> CpuDemand | None:
        """What it asks of a host's CPU."""
        return None if self.domain is None else demand_of(self.domain)

    @property
    def wants_kvm(self) -> bool:
        """Whether it asks for KVM."""
        return self.domain is not None and self.domain.type == "kvm"

    def paths(self, kit: Iterable[HostBuild]) -> list[HostBuild]:
        """The QEMUs of a kit that may run it."""
        emulator = None if self.any_emulator or self.domain is None else self.domain.devices.emulator
        return [one for one in kit if emulator is None or one.path == emulator]


@dataclass
class _Memory:
    """What was worked out; it holds whatever becomes of the hosts."""

    builds: dict[tuple[str, bytes], Judgement] = field(default_factory=dict)
    offers: dict[str, CpuOffer | None] = field(default_factory=dict)
    questions: dict[tuple[bytes, bool, bool], FleetQuestion] = field(default_factory=dict)
    translations: int = 0


@dataclass
class FleetJudge:
    """Judges domains by what is known of a fleet; remembers what each build made of each."""

    fleet: Fleet
    _memory: _Memory = field(default_factory=_Memory)

    @property
    def translations(self) -> int:
        """How often a domain was translated for a build so far."""
        return self._memory.translations

    def over(self, fleet: Fleet) -> FleetJudge:
        """The same by what is known otherwise, as a snapshot has it; what is remembered is both's."""
        return FleetJudge(fleet, self._memory)

    def question(self, xml: bytes, any_emulator: bool = False, assume_unknown_present: bool = False) -> FleetQuestion:
        """The question of a domain; the same one where it was asked before.

        :raise UnreadableDomainError: where it is no XML.
        """
        if len(xml) > _QUESTION_BYTES:
            return FleetQuestion(xml, any_emulator, assume_unknown_present)
        key = blake2b(xml, digest_size=16).digest(), any_emulator, assume_unknown_present
        found = self._memory.questions.get(key)
        if found is None:
            found = FleetQuestion(xml, any_emulator, assume_unknown_present)
            remember(self._memory.questions, key, found, _QUESTIONS)
        return found

    def of_kit(self, question: FleetQuestion, kit: Kit) -> Judgement:
        """The best that a host with this kit can do: the first that is able, else what is not known, else why not."""
        found = question.of_kits.get(kit)
        if found is None:
            found = self.best_of_kit(question, kit, self.of_one)[0]
            if all(self.fleet.is_pair(one.build, one.variant) for one in kit):
                remember(question.of_kits, kit, found, _KITS)
        return found

    def best_of_kit(
        self, question: FleetQuestion, kit: Kit, judge: Callable[[FleetQuestion, HostBuild], Judgement]
    ) -> tuple[Judgement, HostBuild | None]:
        """The same by what ``judge`` makes of each QEMU, and which one is able."""
        best: Judgement | None = None
        for one in question.paths(kit):
            found = judge(question, one)
            if found.able is Able.able:
                return found, one
            if best is None or (found.able is Able.unknown) > (best.able is Able.unknown):
                best = found
        return best or _nothing_there(question, kit), None

    def of_one(self, question: FleetQuestion, one: HostBuild) -> Judgement:
        """What one QEMU of a host makes of it."""
        if one.build not in self.fleet.builds or one.variant not in self.fleet.variants:
            return Judgement(Able.unknown, (Reason("", "its build is not told yet"),))
        if not self.fleet.is_pair(one.build, one.variant):
            return Judgement(Able.unknown, (Reason("", "what it adds to its build is told for another one"),))
        of_build = self._of_build(question, one)
        if of_build.able is Able.unable:
            return of_build
        of_variant = question.of_variants.get(one.variant)
        if of_variant is None:
            of_variant = self._of_variant(question, one.variant)
            remember(question.of_variants, one.variant, of_variant, _VARIANTS)
        if of_variant.able is Able.able:
            return of_build
        return Judgement(of_variant.able, (*of_build.reasons, *of_variant.reasons))

    def _of_build(self, question: FleetQuestion, one: HostBuild) -> Judgement:
        key = (one.build, question.digest)
        found = self._memory.builds.get(key)
        if found is None:
            found = self._translated(question, one)
            remember(self._memory.builds, key, found, _REMEMBERED)
        return found

    def _translated(self, question: FleetQuestion, one: HostBuild) -> Judgement:
        try:
            example = self.fleet.example(one.build, kvm=question.wants_kvm) or one
            refusals = self.refusals(question, one._replace(variant=example.variant))
        except FleetError as error:
            return Judgement(Able.unknown, (Reason("", error.message),))
        question.translated += 1
        self._memory.translations += 1
        return judged(refusals)

    def refusals(self, question: FleetQuestion, one: HostBuild) -> tuple[Refusal, ...]:
        """Why a QEMU of a host refuses it, in full; nothing where it does not.

        :raise FleetError: where its build is not known.
        """
        if question.domain is None:
            return question.refusals
        caps = self.fleet.capabilities(one.build, one.variant)
        try:
            translate(question.domain, caps, binary=one.path, assume_unknown_present=question.assume_unknown_present)
        except RefusedError as error:
            return tuple(error.refusals)
        return ()

    def in_full(self, question: FleetQuestion, one: HostBuild) -> tuple[Refusal, ...]:
        """Why one QEMU of a host refuses it, with what its kernel and CPU lack.

        :raise FleetError: where its build is not known.
        """
        refusals = self.refusals(question, one)
        own = self._variant_refusals(question, one.variant)
        known = {refusal.message for refusal in refusals}
        return (*(refusal for refusal in own if refusal.message not in known), *refusals)

    def _of_variant(self, question: FleetQuestion, name: str) -> Judgement:
        variant = self.fleet.variants[name]
        if not question.wants_kvm:
            return _ABLE
        if variant.kvm is None:
            return Judgement(Able.unknown, (Reason("", "it was not asked whether there is KVM"),))
        if not variant.has_kvm:
            return Judgement(Able.unable, (Reason("", _NO_KVM),))
        lack = self._lack(question, name)
        if lack is None or lack.verdict is Verdict.present:
            return _ABLE
        if lack.verdict is Verdict.unknown:
            return Judgement(Able.unknown, (Reason("", "what its CPU lacks was not told"),))
        return judged(self._variant_refusals(question, name))

    def _lack(self, question: FleetQuestion, name: str) -> Lack | None:
        """What the CPU of a kind of hosts lacks; None where the domain asks nothing of it."""
        if question.demand is None:
            return None
        if name in self._memory.offers:
            offer = self._memory.offers[name]
        else:
            kvm = self.fleet.variants[name].accelerators.get("kvm")
            offer = None if kvm is None else make_offer(kvm.unavailable, kvm.expansions)
            remember(self._memory.offers, name, offer, _OFFERS)
        return None if offer is None else lacking(question.demand, offer)

    def _variant_refusals(self, question: FleetQuestion, name: str) -> tuple[Refusal, ...]:
        """What a host with this variant lacks, as refusals."""
        if question.domain is None or not question.wants_kvm:
            return ()
        if not self.fleet.variants[name].has_kvm:
            judgement = self._of_variant(question, name)
            place = question.domain.place("type")
            return tuple(
                Refusal(place=place, message=reason.message, rule="domain/no-kvm") for reason in judgement.reasons
            )
        lack = self._lack(question, name)
        if lack is None or question.domain.cpu is None:
            return ()
        return tuple(one.by("domain/check-host-cpu") for one in cpu_refusals(lack, question.domain.cpu))


def _nothing_there(question: FleetQuestion, kit: Kit) -> Judgement:
    """Of a host that has no QEMU which may run it."""
    at = "" if not kit or question.domain is None else f" at {question.domain.devices.emulator}"
    return Judgement(Able.unable, (Reason("", f"it has no QEMU{at}"),))


def judged(refusals: Iterable[Refusal]) -> Judgement:
    """What refusals come to: *unknown* where each is about something that is not known, else those that are not."""
    known: dict[Reason, None] = {}
    unknown: dict[Reason, None] = {}
    for refusal in refusals:
        is_unknown = refusal.evidence is not None and refusal.evidence.verdict is Verdict.unknown
        (unknown if is_unknown else known)[Reason(refusal.qemu_name or "", refusal.message)] = None
    if known:
        return Judgement(Able.unable, tuple(known)[:_REASONS])
    return Judgement(Able.unknown, tuple(unknown)[:_REASONS]) if unknown else _ABLE
