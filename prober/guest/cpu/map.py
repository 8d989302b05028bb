"""What libvirt knows of x86 CPUs: which features a model has, and which model a set of features is nearest to.

``map.json`` holds the figures of libvirt 12.8's CPU map; ``tools/cpu_map.py`` makes it.  A set of features is one
number, with a bit for each bit of CPUID and of the MSRs that a feature stands for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

#: The processor's signature has reserved bits (libvirt 11.3, ``SIGNATURE_MASK``).
_SIGNATURE = 0x0FFF3FFF

#: The first penalty for a feature that a candidate lacks; each further one costs one more.
_PENALTY = 2


@dataclass(frozen=True, slots=True)
class Signature:
    """Family, model and (where not any) steppings of the processors that a model stands for."""

    family: int
    model: int
    steppings: tuple[int, ...] = ()

    def matches(self, family: int, model: int, stepping: int) -> bool:
        """Whether a processor is one of these."""
        return (self.family, self.model) == (family, model) and (not self.steppings or stepping in self.steppings)


@dataclass(frozen=True, slots=True)
class Model:
    """One CPU model.  ``removed`` are features that it had once, ``is_for_guests`` whether decoding may choose it."""

    name: str
    bits: int
    vendor: str | None
    signatures: tuple[Signature, ...]
    removed: tuple[str, ...]
    is_for_guests: bool

    def is_signed(self, processor: tuple[int, int, int]) -> bool:
        """Whether it stands for this processor."""
        return any(signature.matches(*processor) for signature in self.signatures)


@dataclass(frozen=True, slots=True)
class Processor:
    """What a CPU shows of itself: its features, vendor (``GenuineIntel``), family, model and stepping."""

    bits: int
    vendor: str | None
    signature: tuple[int, int, int]


#: A model's name, and each feature that differs from it, with whether it is there.
Decoded = tuple[str, list[tuple[str, bool]]]


@dataclass(frozen=True)
class CpuMap:
    """The whole table; models in libvirt's order, from old to new.

    ``places`` are the numbers of the bits in a set, by leaf and subleaf (``7.0``), register (``ebx``) and bit there.
    """

    vendors: Mapping[str, str]
    features: Mapping[str, int]
    unmigratable: frozenset[str]
    of_msr: frozenset[str]
    models: Mapping[str, Model]
    places: Mapping[tuple[str, str, int], int]

    def vendor_of(self, string: object) -> str | None:
        """libvirt's name of the vendor that a processor calls itself (``GenuineIntel``); None where it has none."""
        return next((name for name, own in self.vendors.items() if own == string), None)

    def bits_of(self, names: Sequence[str]) -> int:
        """All these features together; what the map does not know counts for nothing."""
        bits = 0
        for name in names:
            bits |= self.features.get(name, 0)
        return bits

    def names_of(self, bits: int) -> Iterator[str]:
        """The features in a set, in the order of the map."""
        for name, feature in self.features.items():
            if feature and bits & feature == feature:
                bits &= ~feature
                yield name

    def names_in(self, leaf: int, subleaf: int, register: str, value: int) -> list[str]:
        """The features that the bits of one register of CPUID stand for, in the order of the map."""
        where, bits = f"{leaf:x}.{subleaf:x}", 0
        for bit in range(value.bit_length()):
            place = self.places.get((where, register.lower(), bit))
            if value >> bit & 1 and place is not None:
                bits |= 1 << place
        return [*self.names_of(bits)]

    def decode(self, processor: Processor, usable: Mapping[str, Sequence[str]]) -> Decoded | None:
        """The nearest of the models that QEMU has (each with the features that keep it from running).

        libvirt 11.3, ``x86Decode``: the newest first, and one of another vendor never.
        """
        vendor = self.vendor_of(processor.vendor)
        processor = self._without_broken_tsx(processor, vendor)
        best: tuple[Model, list[tuple[str, bool]]] | None = None
        for model in reversed([*self.models.values()]):
            if not model.is_for_guests or model.name not in usable:
                continue
            if vendor and model.vendor and vendor != model.vendor:
                continue
            features = self._difference(processor, model, usable[model.name])
            if best is None or _is_better(model, features, best, processor):
                best = model, features
        return None if best is None else (best[0].name, best[1])

    def _difference(self, processor: Processor, model: Model, blockers: Sequence[str]) -> list[tuple[str, bool]]:
        more, less = processor.bits & ~model.bits, model.bits & ~processor.bits
        for blocker in blockers:
            bits = self.features.get(blocker)
            if bits is not None and more & bits != bits:
                less |= bits
        features = [(name, True) for name in self.names_of(more)] + [(name, False) for name in self.names_of(less)]
        known = {name for name, _ in features}
        return features + [(name, False) for name in model.removed if name not in known]

    def _without_broken_tsx(self, processor: Processor, vendor: str | None) -> Processor:
        """Some Haswells have TSX that does not work (libvirt 11.3, ``x86DataFilterTSX``)."""
        family, model, stepping = processor.signature
        broken = family == 6 and ((model == 63 and stepping < 4) or model in (60, 69, 70))
        if vendor != "Intel" or not broken:
            return processor
        return Processor(processor.bits & ~self.bits_of(("hle", "rtm")), processor.vendor, processor.signature)


def _is_better(
    model: Model,
    features: list[tuple[str, bool]],
    best: tuple[Model, list[tuple[str, bool]]],
    processor: Processor,
) -> bool:
    """Whether a candidate is nearer: by its signature, then by what differs (libvirt, ``x86DecodeUseCandidate``)."""
    if any(processor.signature):
        signed, was_signed = model.is_signed(processor.signature), best[0].is_signed(processor.signature)
        if signed != was_signed:
            return signed
    (total, lacking), (best_total, best_lacking) = _cost(features), _cost(best[1])
    return total < best_total or (total == best_total and lacking < best_lacking)


def _cost(features: list[tuple[str, bool]]) -> tuple[int, int]:
    """What a candidate costs, and how much of that for features that it lacks.

    The count of features ends earlier for each that is lacking, as libvirt's own does
    (``virCPUx86CompareCandidateFeatureList``).
    """
    enabled, lacking, at, penalty = len(features), 0, 0, _PENALTY
    while at < enabled:
        if not features[at][1]:
            enabled -= 1
            lacking += penalty
            penalty += 1
        at += 1
    return enabled + lacking, lacking


@cache
def cpu_map() -> CpuMap:
    """The map, read once from the package."""
    table: dict[str, Any] = json.loads(files("prober.guest.cpu").joinpath("map.json").read_text("utf-8"))
    places: dict[tuple[str, str, int], int] = {}
    features: dict[str, int] = {}
    of_msr, unmigratable = set(), set()
    for name, item in table["features"].items():
        features[name] = _bits(item["bits"], places)
        if any(where.startswith("msr.") for where, _, _ in item["bits"]):
            of_msr.add(name)
        if item.get("migratable") is False:
            unmigratable.add(name)
    models: dict[str, Model] = {}
    for name, item in table["models"].items():
        models[name] = _model(name, item, features, models)
    return CpuMap(table["vendors"], features, frozenset(unmigratable), frozenset(of_msr), models, places)


def _bits(items: list[tuple[str, str, int]], places: dict[tuple[str, str, int], int]) -> int:
    bits = 0
    for where, register, mask in items:
        for bit in range(mask.bit_length()):
            if mask >> bit & 1:
                bits |= 1 << places.setdefault((where, register, bit), len(places))
    return bits


def _model(name: str, item: Mapping[str, Any], features: Mapping[str, int], models: Mapping[str, Model]) -> Model:
    """A model has what its ancestor has, less what was removed from that."""
    ancestor = models.get(item.get("ancestor", ""))
    bits, vendor = 0, None
    signatures: tuple[Signature, ...] = ()
    if ancestor is not None:
        bits, vendor, signatures = ancestor.bits, ancestor.vendor, ancestor.signatures
        for removed in ancestor.removed:
            bits &= ~features[removed]
    for feature in item.get("features", ()):
        bits |= features[feature]
    if "signatures" in item:
        signatures = tuple(Signature(*one[:2], *map(tuple, one[2:])) for one in item["signatures"])
    return Model(
        name, bits, item.get("vendor", vendor), signatures, tuple(item.get("removed", ())), bool(item["guest"])
    )
