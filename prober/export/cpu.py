"""``<cpu>`` of the domain capabilities: which CPUs a domain may have, and what the host's own is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import JsonValue

from prober.capabilities.evidence import Verdict
from prober.capabilities.models import CpuModel
from prober.commandline.machines.family import X86_TARGETS
from prober.export.grounds import RowFinding, RowSubject, with_kvm
from prober.export.rows import HYPERV
from prober.export.xml import WrittenElement, element, text_element
from prober.guest.cpu.host import best_of, decode_cpu, usable_of
from prober.guest.cpu.map import cpu_map
from prober.guest.cpu.names import from_qemu
from prober.guest.hyperv import offered_hyperv


class NamedCpu(NamedTuple):
    """The host's CPU as a named model: libvirt's names of model, vendor, and of each feature that differs, with
    whether it is there."""

    model: str
    vendor: str | None
    differing: tuple[tuple[str, bool], ...]

    @property
    def features(self) -> list[str]:
        """All features that it has, those of its model included, in the order of libvirt's map."""
        known = cpu_map()
        found = {*known.names_of(known.models[self.model].bits), *(name for name, on in self.differing if on)}
        found -= {name for name, on in self.differing if not on}
        return [name for name in known.features if name in found]


def host_cpu(subject: RowSubject) -> NamedCpu | None:
    """What a domain has whose CPU is of mode ``host-model``; None where QEMU did not tell, or for other targets.

    libvirt 11.3, ``virQEMUCapsInitHostCPUModel``: features that keep a guest from being migrated are among it.
    """
    models = usable_of(subject.accelerator)
    props = _host_props(subject)
    if subject.caps.target not in X86_TARGETS or props is None or models is None:
        return None
    found = decode_cpu(subject.caps, props, models)
    if found is None:
        return None
    return NamedCpu(found[0], cpu_map().vendor_of(props.get("vendor")), tuple(found[1]))


def _host_props(subject: RowSubject) -> Mapping[str, JsonValue] | None:
    """The properties of ``host`` (with KVM) or ``max``, and what it has besides if it need not be migratable."""
    wanted = "host" if subject.virttype == "kvm" else "max"
    props = best_of(subject.accelerator, wanted)
    if props is None:
        return None
    more = best_of(subject.accelerator, wanted, {"migratable": False}) or {}
    return {**props, **{name: True for name, value in more.items() if value is True and props.get(name) is False}}


def hyperv_features(subject: RowSubject) -> list[tuple[str, RowFinding]]:
    """The enlightenments of Hyper-V, each with what QEMU says where all that the host has is asked for."""
    if (against := with_kvm(subject)).verdict is not Verdict.present:
        return [(name, against) for name in HYPERV]
    props = offered_hyperv(subject.accelerator)
    if props is None:
        unknown = RowFinding(Verdict.unknown, "query-cpu-model-expansion told of no hv-… property")
        return [(name, unknown) for name in HYPERV]
    return [(name, _found_hyperv(f"hv-{name.replace('_', '-')}", props)) for name in HYPERV]


def _found_hyperv(name: str, props: Mapping[str, JsonValue]) -> RowFinding:
    value = props.get(name)
    verdict = Verdict.present if value else Verdict.absent
    said = f"{name} is {str(value).lower()}" if name in props else f"{name} is not among the properties"
    return RowFinding(verdict, f"query-cpu-model-expansion with hv-passthrough=on: {said}")


def has_maximum(subject: RowSubject) -> RowFinding:
    """The mode ``maximum``: QEMU has a model ``max``."""
    models = subject.accelerator.cpu_models
    if models is None:
        return RowFinding(Verdict.unknown, "query-cpu-definitions was never asked")
    has = "max" in models
    said = f"query-cpu-definitions {'lists' if has else 'does not list'} max"
    return RowFinding(Verdict.present if has else Verdict.absent, said)


def host_model_element(found: NamedCpu | None) -> WrittenElement:
    """The mode ``host-model``."""
    if found is None:
        return element("mode", name="host-model", supported="no")
    children = [text_element("model", found.model, fallback="forbid")]
    if found.vendor is not None:
        children.append(text_element("vendor", found.vendor))
    policies = [("require", name) for name, on in found.differing if on]
    policies += [("disable", name) for name, on in found.differing if not on]
    children += [element("feature", policy=policy, name=name) for policy, name in policies]
    return element("mode", *children, name="host-model", supported="yes")


def custom_element(subject: RowSubject) -> WrittenElement:
    """The mode ``custom``: each model that both libvirt and QEMU know, and what keeps it from running here."""
    children = []
    models = named_models(subject)
    names = {model.name for model in models}
    for model in models:
        lacks = model.unavailable_features
        blockers = None if lacks is None else sorted({from_qemu(name) for name in lacks})
        usable = "unknown" if blockers is None else "no" if blockers else "yes"
        known = cpu_map().models.get(model.name) if subject.caps.target in X86_TARGETS else None
        attributes = {"usable": usable} | ({"deprecated": "yes"} if model.deprecated else {})
        attributes["vendor"] = (known.vendor if known is not None else None) or "unknown"
        if model.alias_of in names:
            attributes["canonical"] = str(model.alias_of)
        children.append(WrittenElement("model", attributes, text=model.name))
        if blockers:
            features = (element("feature", name=name) for name in blockers)
            children.append(element("blockers", *features, model=model.name))
    return element("mode", *children, name="custom", supported="yes" if children else "no")


def named_models(subject: RowSubject) -> list[CpuModel]:
    """The models that a domain may name, by name.  Of x86 libvirt takes those of its own map alone."""
    models = subject.accelerator.cpu_models or {}
    known = cpu_map().models if subject.caps.target in X86_TARGETS else models
    return [models[name] for name in sorted(models) if name in known and name != "host"]
