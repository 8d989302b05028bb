"""Labels of a Kubernetes node, from what is known of a QEMU on it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import partial

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.evidence import Verdict
from prober.capabilities.models import Machine
from prober.export.cpu import NamedCpu, host_cpu, hyperv_features, named_models
from prober.export.feature_file import OWN
from prober.export.grounds import ACCELERATORS, RowSubject, VirtType
from prober.export.label import Label
from prober.export.label_rows import (
    CPU_FEATURE,
    CPU_MODEL,
    CPU_MODEL_MIGRATION,
    CPU_VENDOR,
    HOST_MODEL,
    HOST_MODEL_FEATURE,
    HYPERV,
    HYPERV_NAMES,
    KUBEVIRT,
    MACHINE_TYPE,
    OBSOLETE,
    PROBER,
)
from prober.fleet.names import canonical, name_of
from prober.fleet.parts import split
from prober.guest.cpu.map import cpu_map

#: What a label may be (Kubernetes, ``apimachinery/pkg/util/validation``): a prefix that is a DNS name, a slash, a name;
#: and a value, which may be empty.
_PREFIX = re.compile(r"(?=.{1,253}/)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/")
_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")

_TRUE = "true"


def is_label(name: str, value: str) -> bool:
    """Whether Kubernetes takes a label of this name (with its prefix) and value."""
    prefix = _PREFIX.match(name)
    own = name[prefix.end() :] if prefix is not None else name
    return _NAME.fullmatch(own) is not None and (value == "" or _NAME.fullmatch(value) is not None)


def labels_of(caps: Capabilities) -> list[Label]:
    """The labels of a node, by name.  What is unknown, and what Kubernetes could not hold, is left out."""
    virttype: VirtType = "kvm" if ACCELERATORS["kvm"] in caps.accelerators else "qemu"
    # What depends on the machine no label tells.
    subject = RowSubject(caps, virttype, Machine(name="none"), "other")
    found = (*_of_build(caps), *_of_machines(subject), *_of_cpu(subject), *_of_hyperv(subject), *_of_facts(subject))
    return sorted((label for label in found if is_label(label.name, label.value)), key=lambda label: label.name)


def _of_build(caps: Capabilities) -> Iterator[Label]:
    yield Label(name=f"{OWN}qemu-version", value=str(caps.version), because="query-version")
    yield Label(name=f"{OWN}target", value=caps.target, because="query-target")
    for name, part in zip(("build", "variant"), split(caps), strict=True):
        value = hex_of(name_of(canonical(part)))
        yield Label(name=f"{OWN}{name}", value=value, because=f"the name of the {name}, in hexadecimal")


def hex_of(name: str) -> str:
    """A name of contents in 40 hexadecimal digits: its own 27 characters may begin with one that no label may."""
    return base64.urlsafe_b64decode(name + "=").hex()


def _of_machines(subject: RowSubject) -> Iterator[Label]:
    said = partial(Label, value=_TRUE, because="query-machines lists it")
    for machine in (subject.accelerator.machines or {}).values():
        if machine.name != "none":
            yield said(name=f"{MACHINE_TYPE}{machine.name}")
            if machine.alias is not None:
                yield said(name=f"{MACHINE_TYPE}{machine.alias}")


def _of_cpu(subject: RowSubject) -> Iterator[Label]:
    """Of the host's CPU and what it can run; without KVM nothing is known of it."""
    host = host_cpu(subject) if subject.virttype == "kvm" else None
    if host is None:
        return
    said = partial(Label, value=_TRUE)
    expanded = "query-cpu-model-expansion of host has it"
    features = host.features
    yield from (said(name=f"{CPU_FEATURE}{name}", because=expanded) for name in features)
    for name, on in host.differing:
        if on:
            yield said(name=f"{HOST_MODEL_FEATURE}{name}", because=f"{expanded}, and {host.model} has it not")
    nearest = f"{host.model} is nearest to what query-cpu-model-expansion tells of host"
    yield said(name=f"{HOST_MODEL}{host.model}", because=nearest)
    if host.vendor is not None:
        yield said(name=f"{CPU_VENDOR}{host.vendor}", because="the vendor in query-cpu-model-expansion of host")
    usable = "query-cpu-definitions names no feature that it lacks here"
    reasons = dict.fromkeys(_usable(subject, host, frozenset(features)), usable)
    yield from (said(name=f"{CPU_MODEL}{name}", because=because) for name, because in reasons.items())
    if not _is_obsolete(host.model):
        reasons.setdefault(host.model, nearest)
    yield from (said(name=f"{CPU_MODEL_MIGRATION}{name}", because=because) for name, because in reasons.items())


def _usable(subject: RowSubject, host: NamedCpu, features: frozenset[str]) -> Iterator[str]:
    """Models that run here, and of which the host has all that libvirt says of them, as KubeVirt has it."""
    known = cpu_map()
    for model in named_models(subject):
        if model.unavailable_features != () or _is_obsolete(model.name):
            continue
        if model.name == host.model or features.issuperset(known.names_of(known.models[model.name].bits)):
            yield model.name


def _is_obsolete(model: str) -> bool:
    return model.removesuffix("-v1") in OBSOLETE


def _of_hyperv(subject: RowSubject) -> Iterator[Label]:
    found = dict(hyperv_features(subject))
    for name, own in HYPERV_NAMES.items():
        if found[own].verdict is Verdict.present:
            yield Label(name=f"{HYPERV}{name}", value=_TRUE, because=found[own].because)


def _of_facts(subject: RowSubject) -> Iterator[Label]:
    for row in (*KUBEVIRT, *PROBER):
        finding = row.ground(subject)
        if finding.verdict is Verdict.present:
            yield Label(name=row.name, value=row.value, because=finding.because)
