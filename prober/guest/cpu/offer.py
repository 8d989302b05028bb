"""What a host's CPU offers to guests, as QEMU said it of one accelerator: sets of features, made once.

Two of QEMU's answers tell.  ``query-cpu-definitions`` has, since QEMU 2.8, the features of each model that the
accelerator lacks; what is lacking for one is lacking for all.  ``query-cpu-model-expansion`` of ``host`` has all that
can be had, but for what is never on by itself (:data:`NOT_BY_ITSELF`).  Held against QEMU itself (5.2, 7.2, 10.0 and
11.1 under KVM, ``-cpu base,enforce=on,FEATURE=on`` for each): what they say is there is taken, what they say is not
is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from prober.capabilities.models import Accelerator, CpuExpansion
from prober.guest.cpu.map import cpu_map
from prober.guest.cpu.names import OTHERWISE_NAMED, from_qemu

#: Features that ``host`` does not have by itself where they can be had (QEMU, ``target/i386/cpu.c``,
#: ``no_autoenable_flags``, and what goes by the vendor of the CPU or a property of its own).
NOT_BY_ITSELF = frozenset({
    "arch-capabilities", "arch-lbr", "ht", "itd", "kvm-hint-dedicated", "lmce", "pdcm", "pmu", "topoext",
})  # fmt: skip

#: The models that have all that can be had: with KVM, and with TCG.
_BEST = ("host", "max")


@dataclass(frozen=True, slots=True)
class CpuOffer:
    """What there is.  Names are libvirt's.

    ``unavailable`` has for each model that was told of what it lacks here.  ``present`` can be had, ``absent`` cannot;
    what is in neither was not told.  ``listed`` is the part of ``absent`` that the models lack, ``mapped`` the part of
    ``present`` that libvirt's map knows.  ``vendor`` is the processor's own word (``GenuineIntel``), None where it was
    not told.
    """

    unavailable: Mapping[str, frozenset[str]]
    present: frozenset[str]
    absent: frozenset[str]
    listed: frozenset[str]
    mapped: frozenset[str]
    vendor: str | None


def offer_of(accelerator: Accelerator) -> CpuOffer:
    """What an accelerator of a binary offers, on the host where it was asked."""
    models = (accelerator.cpu_models or {}).values()
    unavailable = {one.name: one.unavailable_features for one in models if one.unavailable_features is not None}
    return make_offer(unavailable, accelerator.cpu_expansions)


def make_offer(unavailable: Mapping[str, Iterable[str]], expansions: Sequence[CpuExpansion]) -> CpuOffer:
    """The same of its parts: the features that each model lacks, and how the best model was expanded.

    Takes half a millisecond.
    """
    shared: dict[frozenset[str], frozenset[str]] = {}  # Many models lack the same.
    lacks = {}
    for name, features in unavailable.items():
        # QEMU 3.1 has features without a name among them.
        lack = frozenset(features) - {""}
        if not lack.isdisjoint(OTHERWISE_NAMED):
            lack = frozenset(map(from_qemu, lack))
        lacks[name] = shared.setdefault(lack, lack)
    props = _best(expansions, {"migratable": False})
    is_whole = props is not None
    if props is None:
        props = _best(expansions, {}) or {}
    present = frozenset(from_qemu(name) for name, value in props.items() if value is True)
    listed = frozenset().union(*lacks.values()) - present
    not_told = NOT_BY_ITSELF if is_whole else NOT_BY_ITSELF | cpu_map().unmigratable
    off = frozenset(from_qemu(name) for name, value in props.items() if value is False) - present - not_told
    vendor = props.get("vendor")
    return CpuOffer(
        unavailable=lacks,
        present=present,
        absent=listed | off,
        listed=listed,
        mapped=frozenset(name for name in present if name in cpu_map().features),
        vendor=vendor if isinstance(vendor, str) else None,
    )


def _best(expansions: Sequence[CpuExpansion], asked: Mapping[str, JsonValue]) -> Mapping[str, JsonValue] | None:
    """The properties of ``host`` or ``max``, where these were asked for with these properties."""
    of_best = (one for one in expansions if one.model in _BEST and one.asked_props == asked and one.props is not None)
    first = next(of_best, None)
    return None if first is None else in_full(first, expansions) or first.props


def in_full(first: CpuExpansion, expansions: Sequence[CpuExpansion]) -> Mapping[str, JsonValue] | None:
    """The answer for all properties of a first answer, where it was asked for."""
    again = (one for one in expansions if one.type == "full" and one.model == "base" and one.asked_props == first.props)
    return next((one.props for one in again if one.props is not None), None)
