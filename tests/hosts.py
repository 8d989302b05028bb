"""Hosts for tests: what a binary would say under KVM on a host whose CPU is as one of libvirt's models.

No host's own answers are part of the checkout.  What a model lacks there is worked out of libvirt's map, and so are the
properties of ``host``; which models, machines and types there are is the binary's own answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.evidence import Verdict
from prober.capabilities.models import Accelerator, CpuExpansion, CpuModel, GicVersion, Kvm, QomProperty
from prober.guest.cpu.lacking import Asking, Lack, Said
from prober.guest.cpu.map import cpu_map
from prober.guest.cpu.names import to_qemu


def on_host(caps: Capabilities, model: str, without: Iterable[str] = ()) -> Capabilities:
    """The same binary, asked under KVM on a host with the CPU of a model, less some features."""
    tcg = caps.accelerators["tcg"]
    assert tcg.cpu_models is not None
    models = {name: _on(one, features_of(model) - {*without}) for name, one in tcg.cpu_models.items()}
    kvm = Accelerator(
        machines=tcg.machines, cpu_models=models, cpu_expansions=expansions(features_of(model) - {*without}, model)
    )
    told = {"accelerators": {"kvm": kvm, "tcg": tcg}, "kvm": Kvm(present=True, enabled=True)}
    return Capabilities.model_validate({**{name: getattr(caps, name) for name in Capabilities.model_fields}, **told})


#: The GICs of a host whose kernel has version 3 alone for its guests.
GICV3 = (GicVersion(number=3, emulated=True, kernel=True), GicVersion(number=2, emulated=True, kernel=False))


def on_arm(caps: Capabilities, gic: tuple[GicVersion, ...] | None = GICV3) -> Capabilities:
    """A binary for aarch64, asked under KVM on a host of that architecture: ``host`` has what ``max`` has, and what
    KVM's CPUs have besides (QEMU, ``target/arm/kvm64.c``)."""
    tcg, best, pool = caps.accelerators["tcg"], caps.properties["max-arm-cpu"], caps.pool
    host = CpuModel(name="host", typename="host-arm-cpu")
    kvm = tcg.model_copy(update={"cpu_models": {**(tcg.cpu_models or {}), "host": host}})
    own = tuple(QomProperty(name, "bool") for name in ("kvm-no-adjvtime", "kvm-steal-time"))
    refs = (*best.refs, *range(len(pool), len(pool) + len(own)))
    told = {
        "accelerators": {"kvm": kvm, "tcg": tcg},
        "kvm": Kvm(present=True, enabled=True),
        "gic": gic,
        "types": {**(caps.types or {}), "kvm-accel": "accel", "host-arm-cpu": "arm-cpu"},
        "pool": (*pool, *own),
        "properties": {**caps.properties, "host-arm-cpu": replace(best, refs=refs)},
    }
    return Capabilities.model_validate({**{name: getattr(caps, name) for name in Capabilities.model_fields}, **told})


def features_of(model: str) -> frozenset[str]:
    """What libvirt's map has of a model, less what it had once."""
    known = cpu_map()
    return frozenset(known.names_of(known.models[model].bits)) - {*known.models[model].removed}


def expansions(features: frozenset[str], model: str) -> tuple[CpuExpansion, ...]:
    """How ``host`` is expanded: first what can be migrated, then all."""
    known = cpu_map()
    vendor = known.vendors[known.models[model].vendor or "Intel"]
    props = {to_qemu(name): name in features for name in known.features}
    migratable = {name: on and name not in known.unmigratable for name, on in props.items()}
    return (
        CpuExpansion(type="static", model="host", props={**migratable, "vendor": vendor}),
        CpuExpansion(type="static", model="host", asked_props={"migratable": False}, props={**props, "vendor": vendor}),
    )


def _on(model: CpuModel, features: frozenset[str]) -> CpuModel:
    lacks = sorted(features_of(model.name) - features) if model.name in cpu_map().models else []
    return model.model_copy(update={"unavailable_features": tuple(map(to_qemu, lacks))})


class Gap(NamedTuple):
    """One thing in which a host is not as a domain asks; :class:`prober.guest.cpu.lacking.Gaps` has all of a kind."""

    name: str
    by: Asking
    verdict: Verdict
    said: Said
    stands: bool


def gaps_of(lack: Lack) -> tuple[Gap, ...]:
    """Each by itself, by name within a kind."""
    return tuple(Gap(name, *kind[1:]) for kind in lack.kinds for name in sorted(kind.names))
