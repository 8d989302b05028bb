"""The CPU of machines that are not x86: what libvirt 11.3 settles before it starts QEMU, without a map of models.

QEMU tells which models there are; what a host's CPU has beside ``host``, nobody tells, and so nothing that hangs on it
can be had.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from difflib import get_close_matches

from prober.commandline.arm import has_32_bits
from prober.commandline.refusal import Note, Place, Refusal
from prober.domain.cpu.model import Cpu, CpuName, Feature
from prober.domain.domain import Domain
from prober.domain.steps import Completion
from prober.guest.cpu.own import cpu_type, default_model
from prober.host.target import Target
from prober.xml.binding import Places

#: What libvirt calls the lengths of ARM's vectors (``sve512``), beside the feature itself.
_VECTORS = "sve"

_ON = ("force", "require")


def settle_other_cpu(domain: Domain, target: Target) -> Completion:
    """A domain with a CPU model of its own, where one can be told."""
    cpu = domain.cpu
    if cpu is None or (cpu.mode == "custom" and not cpu.name):
        return (yield from _by_machine(domain, target))
    yield from _check_cpu(cpu, target)
    if cpu.mode == "custom":
        yield from _check_bits(cpu.name, cpu.model.place("name") if cpu.model is not None else cpu.place(), target)
    return domain.replace(cpu=(yield from _with_vectors(cpu)))


def _by_machine(domain: Domain, target: Target) -> Completion:
    """A CPU that names no model has the machine's, where that can be run."""
    default = default_model(target)
    if default is not None:
        yield from _check_bits(
            default, domain.cpu.place() if domain.cpu is not None else domain.os.type.place("arch"), target
        )
        cpu = domain.cpu or Cpu().replace(places=Places(target.place))
        model = cpu.model or CpuName(places=Places(target.place))
        return domain.replace(cpu=cpu.replace(model=model.replace(name=default, fallback="forbid")))
    if target.accel == "kvm":
        place = domain.cpu.place() if domain.cpu is not None else domain.place("type")
        own = target.entry.default_cpu_type if target.entry is not None else None
        text = (
            f"no CPU is named, and QEMU's own for this machine ({own or 'unknown'}) is none that KVM runs on every host"
        )
        yield Note(place=place, message=f"{text}: write <cpu mode='host-passthrough'/>")
    return domain


def _check_bits(model: str, place: Place, target: Target) -> Iterator[Note]:
    """A CPU that what is for 64-bit ARM cannot run on, as QEMU's own for ``virt`` is."""
    if target.arch == "aarch64" and has_32_bits(cpu_type(model, target), target.caps):
        text = f"{model} has 32 bits, and no guest or firmware for aarch64 runs on it"
        yield Note(place=place, message=text, hint="name another model, or write <cpu mode='maximum'/>")


def _check_cpu(cpu: Cpu, target: Target) -> Iterator[Refusal]:
    if cpu.mode == "host-passthrough" and target.accel != "kvm":
        yield Refusal(
            place=cpu.place("mode"),
            message="mode='host-passthrough' is for domains of type kvm",
            hint="mode='maximum' takes all that QEMU can emulate",
        )
    if cpu.mode == "host-model" or cpu.match == "minimum":
        place = cpu.place("mode" if cpu.mode == "host-model" else "match")
        message = f"no QEMU for {target.caps.target} tells which model the host's CPU is nearest to"
        yield Refusal(place=place, message=message, hint="mode='host-passthrough' takes what the host has")
    for feature in cpu.features:
        if feature.policy in ("optional", "forbid"):
            message = f"whether the host has {feature.name} is not known: no QEMU for {target.caps.target} tells"
            yield Refusal(place=feature.place("policy"), message=message, hint="write policy='require' or 'disable'")
    models = target.caps.cpu_models
    if cpu.mode == "custom" and models is not None and cpu.name not in models:
        near = get_close_matches(cpu.name, list(models), n=1, cutoff=0.6)
        yield Refusal(
            place=cpu.model.place("name") if cpu.model is not None else cpu.place(),
            message=f"QEMU {target.caps.version} for {target.caps.target} has no CPU model {cpu.name}",
            qemu_name=cpu.name,
            hint=f"did you mean {near[0]}?" if near else "",
        )


def _with_vectors(cpu: Cpu) -> Generator[Refusal, None, Cpu]:
    """Lengths of vectors make the feature required (libvirt 11.3, ``qemuDomainDefCPUPostParse``)."""
    lengths = [one for one in cpu.features if one.name.startswith(_VECTORS) and one.name[len(_VECTORS) :].isdigit()]
    own = next((one for one in cpu.features if one.name == _VECTORS), None)
    if not lengths:
        return cpu
    if own is None:
        added = Feature(name=_VECTORS, policy="require").replace(places=Places(lengths[0].place("name")))
        return cpu.replace(features=(*cpu.features, added))
    if own.policy not in _ON:
        message = f"sve is off, and {lengths[0].name} is a length of its vectors"
        yield Refusal(place=lengths[0].place("name"), message=message, hint="leave one of the two out")
    return cpu
