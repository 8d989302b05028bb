"""``-cpu``: the model and its features, and what other elements add (libvirt 11.3, ``qemuBuildCpuCommandLine``)."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.options import Keyval, Option, Property
from prober.domain.cpu.model import Cpu
from prober.domain.domain import Domain
from prober.guest.cpu.host import known_features
from prober.guest.cpu.names import to_qemu
from prober.guest.cpu.own import cpu_type, default_model
from prober.host.target import Target

#: The model of a machine that does not tell its own.
_UNTOLD = {"i386": "qemu32", "x86_64": "qemu64"}


def emit_cpu(domain: Domain, target: Target) -> Iterator[Option]:
    """The CPU of a completed domain; without one, what flags of other elements need."""
    cpu = domain.cpu or Cpu()
    flags = tuple(_flags(domain))
    model = cpu.qemu_name or default_model(target)
    if target.runs_other_bits:
        flags = (*flags, Property("aarch64", False, target.place))
    if model is None and flags:
        model = _UNTOLD.get(target.caps.target)
    if model is not None:
        place = cpu.model.place("name") if cpu.name and cpu.model is not None else cpu.place("mode")
        yield Keyval("-cpu", model, (*_own(cpu, target), *flags), place if place.line else target.place)


def _own(cpu: Cpu, target: Target) -> Iterator[Property]:
    """What ``<cpu>`` itself says of the model."""
    if cpu.is_of_host:
        migratable = cpu.migratable
        if migratable is None and cpu.mode == "host-passthrough":
            migratable = target.caps.has(f"max-{target.caps.target}-cpu.migratable") if target.is_x86 else None
        if migratable is not None:
            yield Property("migratable", migratable, cpu.place("migratable"))
    if cpu.model is not None and cpu.model.vendor_id is not None:
        yield Property("vendor", cpu.model.vendor_id, cpu.model.place("vendor_id"))
    known = known_features(target) if cpu.features and target.is_x86 else None
    for feature in cpu.features:
        name = to_qemu(feature.name) if target.is_x86 else feature.name
        if feature.policy in ("force", "require"):
            yield Property(name, True, feature.place("name"))
        elif feature.policy != "optional" and _can_have(cpu, feature.name, known, target):
            yield Property(name, False, feature.place("name"))


def _can_have(cpu: Cpu, name: str, known: frozenset[str] | None, target: Target) -> bool:
    """Whether there is something to switch off: a feature that QEMU does not know is off."""
    if known is not None:
        return name in known
    typename = cpu_type(cpu.qemu_name, target)
    asked = target.caps.knows_properties_of(typename)
    return not asked or target.caps.property_of(typename, to_qemu(name)) is not None


def _flags(domain: Domain) -> Iterator[Property]:
    """What other elements, and the rest of ``<cpu>``, add to the model, in libvirt's order."""
    features, cpu = domain.features, domain.cpu
    for timer in domain.clock.timers:
        yield from timer.cpu_properties()
    yield from features.interrupt_properties()
    if features.hyperv is not None:
        yield from features.hyperv.cpu_properties()
    for device in domain.devices.with_own("cpu_properties"):
        yield from device.cpu_properties()
    if features.kvm is not None:
        yield from features.kvm.cpu_properties()
    if features.pmu is not None:
        yield Property("pmu", features.pmu.state, features.pmu.place("state"))
    if cpu is not None and cpu.cache is not None:
        yield from cpu.cache.cpu_properties(cpu.is_of_host)
    if cpu is not None and cpu.maxphysaddr is not None:
        yield from cpu.maxphysaddr.cpu_properties()
