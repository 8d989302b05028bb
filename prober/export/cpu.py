"""``<cpu>`` of the domain capabilities: which CPUs a domain may have, and what the host's own is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import JsonValue

from prober.capabilities.evidence import Verdict
from prober.capabilities.models import Accelerator, CpuModel
from prober.export.grounds import RowFinding, RowSubject, with_kvm
from prober.export.rows import HYPERV
from prober.export.xml import WrittenElement, element, text_element
from prober.guest.cpu.host import decode_cpu
from prober.guest.cpu.map import Decoded, cpu_map
from prober.guest.cpu.names import from_qemu
from prober.host.target import X86

_NOT_ASKED = "query-cpu-model-expansion was never answered for the host's CPU"


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
    models = _usable_models(subject.accelerator)
    props = _host_props(subject)
    if subject.caps.target not in X86 or props is None or not models:
        return None
    found: Decoded | None = decode_cpu(props, models)
    if found is None:
        return None
    known = cpu_map()
    vendor = next((name for name, string in known.vendors.items() if string == props.get("vendor")), None)
    is_told = subject.caps.has(f"max-{subject.caps.target}-cpu.unavailable-features")
    differing = tuple((name, on) for name, on in found[1] if is_told or name not in known.of_msr)
    return NamedCpu(found[0], vendor, differing)


def _usable_models(accelerator: Accelerator) -> dict[str, tuple[str, ...]]:
    """The models of a list, each with the features that keep it from running here, by libvirt's names."""
    models = (accelerator.cpu_models or {}).items()
    return {name: _blockers(model) or () for name, model in models}


def _blockers(model: CpuModel) -> tuple[str, ...] | None:
    if model.unavailable_features is None:
        return None
    return tuple(sorted({from_qemu(name) for name in model.unavailable_features}))


def _host_props(subject: RowSubject) -> Mapping[str, JsonValue] | None:
    """The properties of ``host`` (with KVM) or ``max``, and what it has besides if it need not be migratable."""
    wanted = "host" if subject.virttype == "kvm" else "max"
    answers = [one for one in subject.accelerator.cpu_expansions if (one.type, one.model) == ("static", wanted)]
    props = next((one.props for one in answers if not one.asked_props), None)
    more = next((one.props for one in answers if one.asked_props == {"migratable": False}), None) or {}
    if props is None:
        return None
    return props | {name: True for name, value in more.items() if value is True and props.get(name) is False}


def hyperv_features(subject: RowSubject) -> list[tuple[str, RowFinding]]:
    """The enlightenments of Hyper-V, each with what QEMU says where all that the host has is asked for."""
    if (against := with_kvm(subject)).verdict is not Verdict.present:
        return [(name, against) for name in HYPERV]
    asked = [one for one in subject.accelerator.cpu_expansions if one.asked_props.get("hv-passthrough") is True]
    props = next((one.props for one in asked if one.type == "full" and one.props), None)
    if props is None or not any(name.startswith("hv-") for name in props):
        unknown = RowFinding(Verdict.unknown, "query-cpu-model-expansion told of no hv-… property")
        return [(name, unknown) for name in HYPERV]
    return [(name, _found_hyperv(f"hv-{name.replace('_', '-')}", props)) for name in HYPERV]


def _found_hyperv(name: str, props: Mapping[str, JsonValue]) -> RowFinding:
    value = props.get(name)
    verdict = Verdict.present if value else Verdict.absent
    said = f"{name} is {str(value).lower()}" if name in props else f"{name} is not among the properties"
    return RowFinding(verdict, f"query-cpu-model-expansion with hv-passthrough=on: {said}")


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
        blockers = _blockers(model)
        usable = "unknown" if blockers is None else "no" if blockers else "yes"
        known = cpu_map().models.get(model.name) if subject.caps.target in X86 else None
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
    known = cpu_map().models if subject.caps.target in X86 else models
    return [models[name] for name in sorted(models) if name in known and name != "host"]
