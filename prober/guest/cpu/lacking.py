"""Whether a host's CPU can run what a domain asks for: a demand held against an offer, by comparing sets.

Pure, and some ten microseconds each however much is lacking, so that many hosts can be gone through with one demand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

from prober.capabilities.evidence import Verdict
from prober.guest.cpu.demand import CpuDemand
from prober.guest.cpu.map import cpu_map
from prober.guest.cpu.offer import CpuOffer

#: What asked for a feature: the model, a policy, ``match='strict'``, or ``<vendor>``.
Asking: TypeAlias = Literal["model", "require", "force", "forbid", "strict", "vendor"]

#: The questions that tell of it; empty where none did.
Said: TypeAlias = Literal["query-cpu-definitions", "query-cpu-model-expansion", ""]

#: Looked up once: Python 3.11 takes ten times as long to find a member of an enumeration as any other attribute.
_PRESENT: Final = Verdict.present
_ABSENT: Final = Verdict.absent
_UNKNOWN: Final = Verdict.unknown

#: So many models are named that would do.
_MOST_MODELS = 3


class Gaps(NamedTuple):
    """In what a host is not as the domain asks: all of one kind.

    ``names`` are features; the vendor where ``by`` is ``vendor``, the model where nothing is known of it.  ``by`` is
    what asked for them, ``verdict`` what is known: *absent* is lacking, *unknown* was not told, and *present* is there
    and should not be (``forbid``, ``strict``).  ``stands`` is whether they stand in the way, by the domain's ``check``;
    else QEMU warns, and starts without them.
    """

    names: frozenset[str]
    by: Asking
    verdict: Verdict
    said: Said
    stands: bool


@dataclass(frozen=True, slots=True)
class Lack:
    """In what a host is not as a domain asks.  Equal where the kinds are."""

    kinds: tuple[Gaps, ...]
    _demand: CpuDemand = field(repr=False, compare=False)
    _offer: CpuOffer = field(repr=False, compare=False)

    @property
    def verdict(self) -> Verdict:
        """Whether the host can run the CPU: *present* is yes, *absent* no, *unknown* not known."""
        found = _PRESENT
        for kind in self.kinds:
            if kind.stands:
                if kind.verdict is not _UNKNOWN:
                    return _ABSENT
                found = _UNKNOWN
        return found

    @property
    def models(self) -> tuple[str, ...]:
        """The models that would do in place of the domain's, the nearest lower one first.

        Empty where the domain's model does, or no other would.
        """
        if not any(kind.by == "model" and kind.stands for kind in self.kinds):
            return ()
        found: list[str] = []
        spared = self._demand.spared
        for name in self._demand.lower:
            lacks = self._offer.unavailable.get(name)
            if lacks is not None and lacks <= spared:
                found.append(name)
                if len(found) == _MOST_MODELS:
                    break
        return tuple(found)


def lacking(demand: CpuDemand, offer: CpuOffer) -> Lack:
    """What a host lacks of what is asked.

    A feature that a model has is taken for there where QEMU does not list it among those that the model lacks.
    """
    return Lack(tuple(kind for kind in _kinds(demand, offer) if kind.names), demand, offer)


def _kinds(demand: CpuDemand, offer: CpuOffer) -> Iterator[Gaps]:
    checked = demand.check != "none"
    told = offer.unavailable.get(demand.model)
    if demand.model:
        yield from _of_model(demand, offer, told, checked)
    missing = demand.required - offer.present
    if missing:
        if told is not None and demand.of_model is not None:
            # The model has it, and does not lack it.
            missing -= demand.of_model - offer.absent
        yield from _not_there(missing, "require", offer, checked)
    missing = demand.forced - offer.present
    if missing:
        # It is claimed to be there whatever the host has; but then the guest's CPU is not what was asked.
        yield from _not_there(missing, "force", offer, demand.check == "full")
    if demand.vendor is not None:
        yield from _of_vendor(demand.vendor, offer, checked)
    if demand.forbidden:
        yield Gaps(demand.forbidden & offer.present, "forbid", _PRESENT, "query-cpu-model-expansion", checked)
        yield Gaps(demand.forbidden - offer.present - offer.absent, "forbid", _UNKNOWN, "", checked)
    if demand.match == "strict":
        yield from _of_strict(demand, offer, checked)


def _of_model(demand: CpuDemand, offer: CpuOffer, told: frozenset[str] | None, checked: bool) -> Iterator[Gaps]:
    """What the model lacks, by QEMU's own word; of a model that QEMU does not tell of, by libvirt's map."""
    if told is not None:
        lacks = told - demand.spared - demand.forced - demand.required
        if demand.check != "partial" or demand.of_model is None:
            yield Gaps(lacks, "model", _ABSENT, "query-cpu-definitions", checked)
        elif lacks:
            # What libvirt's map does not have of the model, libvirt leaves to QEMU.
            yield Gaps(lacks & demand.of_model, "model", _ABSENT, "query-cpu-definitions", True)
            yield Gaps(lacks - demand.of_model, "model", _ABSENT, "query-cpu-definitions", False)
    elif demand.of_model is None:
        yield Gaps(frozenset((demand.model,)), "model", _UNKNOWN, "", checked)
    else:
        lacks = demand.of_model - offer.present - demand.spared - demand.forced - demand.required
        yield from _not_there(lacks, "model", offer, checked)


def _not_there(names: frozenset[str], by: Asking, offer: CpuOffer, stands: bool) -> Iterator[Gaps]:
    """Those that are not among what is there, by how it is known."""
    yield Gaps(names & offer.listed, by, _ABSENT, "query-cpu-definitions", stands)
    yield Gaps(names & offer.absent - offer.listed, by, _ABSENT, "query-cpu-model-expansion", stands)
    yield Gaps(names - offer.absent, by, _UNKNOWN, "", stands)


def _of_vendor(vendor: str, offer: CpuOffer, checked: bool) -> Iterator[Gaps]:
    if offer.vendor is None:
        yield Gaps(frozenset((vendor,)), "vendor", _UNKNOWN, "", checked)
    elif cpu_map().vendors.get(vendor) != offer.vendor:
        yield Gaps(frozenset((vendor,)), "vendor", _ABSENT, "query-cpu-model-expansion", checked)


def _of_strict(demand: CpuDemand, offer: CpuOffer, checked: bool) -> Iterator[Gaps]:
    """What the host has and the domain does not speak of."""
    if not offer.present:
        yield Gaps(frozenset((demand.model,)), "strict", _UNKNOWN, "", checked)
    yield Gaps(offer.mapped - demand.known, "strict", _PRESENT, "query-cpu-model-expansion", checked)
