"""A domain's CPU against this host's, where the binary was asked on this host: what it cannot run is refused.

A recording is of another host, or of none in particular, and nothing is said of it here: it is not known whether the
host where the domain is to run has what it asks for.  The same where the host's settings say which CPU it has.
"""

from __future__ import annotations

from collections.abc import Iterator

from prober.capabilities.evidence import Evidence, Verdict
from prober.commandline.refusal import Refusal
from prober.domain.cpu.model import Cpu, Feature
from prober.domain.domain import Domain
from prober.guest.cpu.demand import demand_of
from prober.guest.cpu.host import host_offer
from prober.guest.cpu.lacking import Gaps, Lack, lacking
from prober.guest.cpu.names import to_qemu
from prober.host.target import Target

#: So many features are named in a sentence; the evidence has all.
_NAMED = 64

#: What can be switched off one by one, where a model has too much.
_FEW = 3


def check_host_cpu(domain: Domain, target: Target) -> Iterator[Refusal]:
    """What the domain asks of the CPU, and this host has not (libvirt 11.3, ``qemuProcessUpdateGuestCPU``)."""
    if not target.is_here or target.accel != "kvm" or target.host.cpu is not None or not target.is_understood:
        return
    if not target.is_x86:
        return  # No other tells what its host's CPU lacks of a model.
    demand, offer, cpu = demand_of(domain), host_offer(target), domain.cpu
    if demand is None or offer is None or cpu is None:
        return
    yield from cpu_refusals(lacking(demand, offer), cpu)


def cpu_refusals(lack: Lack, cpu: Cpu) -> Iterator[Refusal]:
    """What a host lacks of what a domain's CPU asks, as refusals; nothing for what nobody told."""
    of_model: list[Gaps] = []
    for kind in lack.kinds:
        # What nobody told refuses nothing: QEMU is older than its answers, or has none for this machine.
        if not kind.stands or kind.verdict is Verdict.unknown:
            continue
        if kind.by == "model":
            of_model.append(kind)
        else:
            yield from _of_kind(kind, cpu)
    if of_model:
        yield _of_model(of_model, cpu, lack)


def _of_model(kinds: list[Gaps], cpu: Cpu, lack: Lack) -> Refusal:
    """The model as a whole: one refusal, that names what it lacks."""
    names = sorted(frozenset[str]().union(*(kind.names for kind in kinds)))
    hints = [f"{lack.models[0]} is the nearest lower model that it can run"] if lack.models else []
    if len(names) <= _FEW:
        off = "".join(f"<feature policy='disable' name='{name}'/>" for name in names)
        hints.append(f"{off} has the guest do without")
    elif not hints:
        hints.append("mode='host-model' takes what it has")
    place = cpu.model.place("name") if cpu.model is not None else cpu.place("mode")
    return Refusal(
        place=place,
        message=f"this host's CPU lacks what {cpu.name} has: {_listed(names)}",
        qemu_name=cpu.name,
        evidence=_evidence(cpu.name, names, kinds[0], f"under KVM {cpu.name} lacks"),
        hint="; or ".join(hints),
    )


def _of_kind(kind: Gaps, cpu: Cpu) -> Iterator[Refusal]:
    match kind.by:
        case "vendor":
            (name,) = kind.names
            yield Refusal(
                place=cpu.place("vendor"),
                message=f"this host's CPU is not of the vendor {name}",
                evidence=_evidence("vendor", [name], kind, "the host's vendor is not"),
                hint="leave <vendor> out",
            )
        case "strict":
            names = sorted(kind.names)
            yield Refusal(
                place=cpu.place("match"),
                message=f"match='strict', and this host's CPU has more than the domain speaks of: {_listed(names)}",
                evidence=_evidence("host", names, kind, "the host has"),
                hint="match='exact' hides it from the guest",
            )
        case _:
            for feature in cpu.features:
                if feature.name in kind.names and feature.policy == kind.by:
                    yield _of_feature(feature, kind)


def forbidden(feature: Feature, evidence: Evidence | None = None) -> Refusal:
    """The refusal of a feature that the host has and the domain forbids."""
    return Refusal(
        place=feature.place("policy"),
        message=f"the host's CPU has {feature.name}, which the domain forbids",
        evidence=evidence,
        hint="policy='disable' hides it from the guest",
    )


_OF_POLICY = {
    "require": (
        "this host's CPU has no {name}, which the domain requires",
        "policy='optional' has the guest do without",
    ),
    "force": (
        "this host's CPU has no {name}, and check='full' has the guest get exactly what is written",
        "check='partial' lets the guest do without",
    ),
}


def _of_feature(feature: Feature, kind: Gaps) -> Refusal:
    name = to_qemu(feature.name)
    if kind.by == "forbid":
        return forbidden(feature, _evidence(name, [feature.name], kind, "the host has"))
    message, hint = _OF_POLICY[kind.by]
    return Refusal(
        place=feature.place("name"),
        message=message.format(name=feature.name),
        qemu_name=name,
        evidence=_evidence(name, [feature.name], kind, "the host lacks"),
        hint=hint,
    )


def _evidence(fact: str, names: list[str], kind: Gaps, said: str) -> Evidence:
    """What QEMU was asked, and the part of its answer that decides, by QEMU's own names."""
    own = [to_qemu(name) for name in names]
    of = "unavailable-features" if kind.said == "query-cpu-definitions" else "the expansion of model host"
    return Evidence(
        fact=fact,
        verdict=kind.verdict,
        note=f"{kind.said}: {of}: {said} {_listed(own)}",
        command=kind.said,
        reply=[*own],
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
