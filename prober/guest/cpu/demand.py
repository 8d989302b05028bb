"""What a domain asks of the host's CPU, as sets of features: made once from a domain, and held against any host.

Names of models and features are libvirt's.  What ``check``, ``match`` and the policies mean is libvirt's too
(docs/formatdomain, "CPU model and topology"; libvirt 11.3, ``qemuDomainDefCPUPostParse``,
``qemuProcessUpdateGuestCPU``, ``virCPUx86Compare``, ``virCPUx86UpdateLive``):

=========  ================================================================================================
``none``   nothing is held against the host: QEMU warns of what the host lacks, and starts without it
``partial``  the host needs what libvirt's map says of the model, and what is required
``full``   the guest's CPU is to be exactly that: the host needs all that QEMU's model has, and what is forced
=========  ================================================================================================

Without ``check``, a named model and the host's are ``partial``, ``host-passthrough`` and ``maximum`` are ``none``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from prober.commandline.machines.family import X86_TARGETS
from prober.domain.cpu.model import Cpu
from prober.domain.domain import Domain
from prober.guest.cpu.map import cpu_map
from prober.guest.cpu.names import IGNORED


@dataclass(frozen=True, slots=True)
class CpuDemand:
    """What is asked.

    ``model`` is empty where the CPU is the host's, or all that it has.  ``of_model`` is what libvirt's map has of the
    model; None where the map has no such model.  ``spared`` are features that the model may lack here: those that are
    optional, disabled or forbidden, and those that libvirt switches off as the model had them once.  ``known`` is all
    that the domain speaks of, in one way or another (for ``match='strict'``).  ``vendor`` is libvirt's name of it.
    ``migratable`` is whether the guest has only what can be migrated; None where the domain does not say.  ``lower``
    are the models that have less than this one and nothing besides, nearest first.
    """

    check: Literal["none", "partial", "full"]
    match: Literal["exact", "minimum", "strict"]
    model: str
    of_model: frozenset[str] | None
    required: frozenset[str]
    forced: frozenset[str]
    forbidden: frozenset[str]
    spared: frozenset[str]
    known: frozenset[str]
    vendor: str | None
    migratable: bool | None
    lower: tuple[str, ...]


def demand_of(domain: Domain) -> CpuDemand | None:
    """What a domain asks of the host's CPU; None where it asks nothing.

    Only under KVM is the host's CPU what the guest's can do.  A domain that names no model gets the machine's own,
    which libvirt holds against nothing (``qemuDomainDefSetDefaultCPU``), as it may run nowhere in full.
    """
    cpu = domain.cpu
    if domain.type != "kvm" or cpu is None or (cpu.mode == "custom" and not cpu.name):
        return None
    by_policy: dict[str, set[str]] = {}
    for feature in cpu.features:
        if feature.name not in IGNORED:
            by_policy.setdefault(feature.policy, set()).add(feature.name)
    spoken = frozenset[str]().union(*by_policy.values())
    model = cpu.name if cpu.mode == "custom" else ""
    is_x86 = domain.arch is None or domain.arch in X86_TARGETS
    has, had, lower = _told(model) if is_x86 else (None, frozenset[str](), ())
    spared = frozenset[str]().union(*(by_policy.get(policy, ()) for policy in ("optional", "disable", "forbid")))
    return CpuDemand(
        check=_check(cpu),
        match=cpu.match,
        model=model,
        of_model=has,
        required=frozenset(by_policy.get("require", ())),
        forced=frozenset(by_policy.get("force", ())),
        forbidden=frozenset(by_policy.get("forbid", ())),
        spared=spared | (had - spoken),
        known=spoken if has is None else spoken | has,
        vendor=cpu.vendor,
        migratable=cpu.migratable,
        lower=lower,
    )


def _check(cpu: Cpu) -> Literal["none", "partial", "full"]:
    if cpu.check is not None:
        return cpu.check
    return "none" if cpu.is_of_host else "partial"


@cache
def _told(name: str) -> tuple[frozenset[str] | None, frozenset[str], tuple[str, ...]]:
    """What libvirt's map has of a model, what it had once, and the models that have less, nearest first."""
    known = cpu_map()
    model = known.models.get(name)
    if model is None:
        return None, frozenset(), ()
    removed = known.bits_of(model.removed)
    bits = model.bits & ~removed
    lower = []
    for other in reversed([*known.models.values()]):
        own = other.bits & ~known.bits_of(other.removed)
        if other.is_for_guests and own != bits and own & ~bits == 0 and other.vendor in (None, model.vendor):
            lower.append((own.bit_count(), other.name))
    # Of two that have as much, the newer one, which is first.
    lower.sort(key=lambda item: -item[0])
    # What hangs on vmx, QEMU switches with it (``target/i386/cpu.c``, ``feature_dependencies``).
    return (
        frozenset(name for name in known.names_of(bits) if not name.startswith("vmx-")),
        frozenset(model.removed),
        tuple(other for _, other in lower),
    )
