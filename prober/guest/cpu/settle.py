"""From a ``<cpu>`` to a model with features, as libvirt 11.3 settles it before it starts QEMU.

``qemuDomainDefSetDefaultCPU``, then ``qemuProcessUpdateGuestCPU``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from difflib import get_close_matches

from prober.commandline.refusal import Place, Refusal
from prober.domain.cpu.model import Cpu, CpuName, Feature
from prober.domain.domain import Domain
from prober.domain.steps import Completion
from prober.guest.cpu.check import forbidden
from prober.guest.cpu.host import host_features, host_model, usable_models
from prober.guest.cpu.map import Processor, cpu_map
from prober.guest.cpu.names import IGNORED, OF_TOPOLOGY
from prober.guest.cpu.other import settle_other_cpu
from prober.guest.cpu.own import default_model
from prober.host.target import Target
from prober.xml.binding import Places

_ON = ("force", "require")

#: How many unknown names get a hint: looking for the nearest takes time, and a document may have thousands.
_HINTS = 20


def settle_cpu(domain: Domain, target: Target) -> Completion:
    """A domain with a CPU model of its own, where one can be told."""
    if not target.is_understood:
        return domain
    if not target.is_x86:
        return (yield from settle_other_cpu(domain, target))
    cpu = domain.cpu or Cpu(places=Places(target.place))
    refused = [*_check_features(cpu), *_check_mode(cpu, target)]
    if refused:
        yield from refused
        known = tuple(feature for feature in cpu.features if feature.name in cpu_map().features)
        return domain.replace(cpu=cpu.replace(features=known)) if domain.cpu is not None else domain
    named = yield from _named_by_machine(cpu, target)
    if named is not None and not named.is_of_host:
        named = yield from _settle_model(named, target)
    return domain if named is None else domain.replace(cpu=_without_ignored(named))


def _named_by_machine(cpu: Cpu, target: Target) -> Generator[Refusal, None, Cpu | None]:
    """A CPU that should have a model and names none has the machine's; None where that is not told."""
    if cpu.mode != "custom" or cpu.name:
        return cpu
    default = default_model(target)
    if default is None:
        if cpu.check is not None:
            message = f"check=… needs a <model>, as QEMU {target.caps.version} does not tell the machine's own"
            yield Refusal(place=cpu.place("check"), message=message)
        return None
    if cpu.model is None:
        model = CpuName(name=default, fallback="forbid", places=Places(target.place))
    else:
        model = cpu.model.replace(name=default, fallback="forbid")
    return cpu.replace(model=model)


def _without_ignored(cpu: Cpu) -> Cpu:
    """Less the features that libvirt leaves out."""
    if not cpu.features or not any(feature.name in IGNORED for feature in cpu.features):
        return cpu
    return cpu.replace(features=tuple(feature for feature in cpu.features if feature.name not in IGNORED))


def _check_features(cpu: Cpu) -> Iterator[Refusal]:
    """Names that libvirt does not know, which it refuses, whatever QEMU knows (``virCPUValidateFeatures``)."""
    if not cpu.features:
        return
    known = cpu_map().features
    unknown = [feature for feature in cpu.features if feature.name not in known]
    for at, feature in enumerate(unknown):
        near = get_close_matches(feature.name, list(known), n=1, cutoff=0.7) if at < _HINTS else []
        yield Refusal(
            place=feature.place("name"),
            message=f"'{feature.name}' is no CPU feature that is known",
            hint=f"did you mean {near[0]}?" if near else "",
        )


def _check_mode(cpu: Cpu, target: Target) -> Iterator[Refusal]:
    if cpu.mode == "host-passthrough" and target.accel != "kvm":
        yield Refusal(
            place=cpu.place("mode"),
            message="mode='host-passthrough' is for domains of type kvm",
            hint="mode='maximum' takes all that QEMU can emulate",
        )
    if cpu.deprecated_features is not None and not _tells_deprecated(target):
        yield Refusal(
            place=cpu.place("deprecated_features"),
            message=f"QEMU {target.caps.version} does not tell which features of a CPU are deprecated",
        )
    if cpu.check == "none" or target.accel != "kvm":
        return
    provided = host_features(target) if any(feature.policy == "forbid" for feature in cpu.features) else None
    for feature in cpu.features:
        if feature.policy == "forbid" and feature.name in (provided or ()):
            # Where the binary was asked on this host `check_host_cpu` has said so, and of two alike the first is told.
            yield forbidden(feature)


def _tells_deprecated(target: Target) -> bool:
    """Whether the answer to ``query-cpu-model-expansion`` has room for it (``deprecated-props``); x86 fills in none."""
    schema = target.caps.schema_
    command = schema.command("query-cpu-model-expansion") if schema is not None else None
    if schema is None or command is None:
        return False
    return any(member.name == "deprecated-props" for member in schema.members(command["ret-type"]))


def _settle_model(cpu: Cpu, target: Target) -> Generator[Refusal, None, Cpu | None]:
    """The named model, or that of the host, with what it had once and has no more switched off."""
    of_host = cpu.mode == "host-model" or cpu.match == "minimum"
    optional = any(feature.policy == "optional" for feature in cpu.features)
    if of_host or optional:
        resolved = _resolve_by_host(cpu, target, of_host)
        if resolved is None:
            yield _unknown_host(cpu, target, of_host)
            return None
        cpu = resolved
    model = cpu_map().models.get(cpu.name)
    if model is None:
        yield _unknown_model(cpu, target)
        return None
    if model.removed:
        cpu = _with_features(cpu, [(name, False) for name in model.removed], cpu.place("model"))
    usable = usable_models(target)
    if usable is None or cpu.name in usable:
        return cpu
    return (yield from _translate(cpu, target, usable))


def _resolve_by_host(cpu: Cpu, target: Target, of_host: bool) -> Cpu | None:
    """Optional features on if the host has them; and the host's model (``x86UpdateHostModel``)."""
    host, provided = host_model(target), host_features(target)
    if host is None or provided is None:
        return None
    features = tuple(
        feature.replace(policy="require" if feature.name in provided else "disable")
        if feature.policy == "optional"
        else feature
        for feature in cpu.features
    )
    cpu = cpu.replace(features=features)
    if not of_host:
        return cpu
    place = cpu.place("mode" if cpu.mode == "host-model" else "match")
    return _named(cpu, host[0], _features(host[1], place), place)


def _named(cpu: Cpu, name: str, features: tuple[Feature, ...], place: Place) -> Cpu:
    """This model with these features, and then with those that the domain gives."""
    own = {feature.name: feature for feature in cpu.features}
    found = [feature for feature in features if feature.name in own or feature.name not in OF_TOPOLOGY]
    merged = [own.pop(feature.name, feature) for feature in found]
    vendor_id = cpu.model.vendor_id if cpu.model is not None else None
    places = cpu.model.places if cpu.model is not None else Places(place)
    model = CpuName(name=name, fallback="forbid", vendor_id=vendor_id, places=places)
    return cpu.replace(mode="custom", match="exact", model=model, features=(*merged, *own.values()))


def _features(named: list[tuple[str, bool]], place: Place) -> tuple[Feature, ...]:
    return tuple(
        Feature(name=name, policy="require" if on else "disable").replace(places=Places(place)) for name, on in named
    )


def _with_features(cpu: Cpu, named: list[tuple[str, bool]], place: Place) -> Cpu:
    """With these features too, where the CPU does not speak of them."""
    given = {feature.name for feature in cpu.features}
    more = _features([(name, on) for name, on in named if name not in given], place)
    return cpu.replace(features=(*cpu.features, *more)) if more else cpu


def _translate(cpu: Cpu, target: Target, usable: dict[str, tuple[str, ...]]) -> Generator[Refusal, None, Cpu | None]:
    """The nearest model that QEMU has (``virCPUx86Translate``), if the domain allows another than it names."""
    known = cpu_map()
    model = known.models[cpu.name]
    if cpu.model is None or cpu.model.fallback != "allow":
        yield _unknown_model(cpu, target)
        return None
    bits = model.bits
    for feature in cpu.features:
        one = known.features.get(feature.name, 0)
        bits = bits | one if feature.policy in _ON else bits & ~one
    signature = model.signatures[0] if model.signatures else None
    stepping = signature.steppings[0] if signature is not None and signature.steppings else 0
    processor = Processor(
        bits,
        known.vendors.get(model.vendor or ""),
        (signature.family, signature.model, stepping) if signature is not None else (0, 0, 0),
    )
    decoded = known.decode(processor, usable)
    if decoded is None:
        yield _unknown_model(cpu, target)
        return None
    place = cpu.place("model")
    return _named(cpu, decoded[0], _features(decoded[1], place), place)


def _unknown_model(cpu: Cpu, target: Target) -> Refusal:
    place = cpu.model.place("name") if cpu.model is not None else cpu.place()
    if cpu.name in cpu_map().models:
        message = f"QEMU {target.caps.version} has no CPU model {cpu.name}, and fallback='forbid' allows no other"
        hint = "write fallback='allow' for the nearest that it has"
        return Refusal(place=place, message=message, qemu_name=cpu.name, hint=hint)
    near = get_close_matches(cpu.name, list(cpu_map().models), n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else ""
    return Refusal(place=place, message=f"'{cpu.name}' is no CPU model that is known", qemu_name=cpu.name, hint=hint)


def _unknown_host(cpu: Cpu, target: Target, of_host: bool) -> Refusal:
    best = "host" if target.accel == "kvm" else "max"
    if of_host:
        place, what = cpu.place("mode" if cpu.mode == "host-model" else "match"), "the host's CPU"
    else:
        optional = next(feature for feature in cpu.features if feature.policy == "optional")
        place, what = optional.place("policy"), f"whether the host has {optional.name}"
    if target.host.cpu is not None:
        message = f"{what} is not known: the host's settings say {target.host.cpu.model}, which no CPU model is called"
        return Refusal(place=place, message=message)
    return Refusal(
        place=place,
        message=f"{what} is not known: this QEMU was never asked what its model '{best}' is made of",
        hint="interview it where it can use KVM" if best == "host" else "name a model",
    )
