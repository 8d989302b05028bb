"""The host's CPU, as libvirt 11.3 works it out of what QEMU said of its best model (``virQEMUCapsInitCPUModelX86``)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar

from pydantic import JsonValue

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.models import Accelerator
from prober.commandline.kept import KeptPerBinary
from prober.guest.cpu.map import CpuMap, Decoded, Processor, cpu_map
from prober.guest.cpu.names import from_qemu
from prober.guest.cpu.offer import CpuOffer, in_full, offer_of
from prober.host.target import Target

T = TypeVar("T")

#: What was worked out, by function, accelerator and the host's CPU.
_KEPT: KeptPerBinary[dict[Hashable, Any]] = KeptPerBinary(dict)


def _kept(work: Callable[[Target], T]) -> Callable[[Target], T]:
    """The same for every domain: worked out once for a binary, its accelerator and what the host says of its CPU."""

    @wraps(work)
    def look(target: Target) -> T:
        key = (work.__name__, target.accel, target.host.cpu)
        kept = _KEPT.of(target.caps)
        if key not in kept:
            kept[key] = work(target)
        found: T = kept[key]
        return found

    return look


@_kept
def host_model(target: Target) -> Decoded | None:
    """The named model that is nearest to the host's CPU, and what differs; None where nobody asked.

    Only features that can be migrated.  A host that says what its CPU is, is taken at its word.
    """
    told = target.host.cpu
    if told is not None:
        return told.model, [*((name, True) for name in told.require), *((name, False) for name in told.disable)]
    props = best_model(target)
    models = usable_models(target)
    return None if props is None or models is None else decode_cpu(target.caps, props, models)


@_kept
def host_features(target: Target) -> frozenset[str] | None:
    """What the host's CPU has, by libvirt's names; None where nobody asked."""
    known = cpu_map()
    decoded = host_model(target)
    if decoded is None or decoded[0] not in known.models:
        return None
    bits = known.models[decoded[0]].bits
    for name, on in decoded[1]:
        bits = bits | known.features.get(name, 0) if on else bits & ~known.features.get(name, 0)
    return frozenset(name for name, feature in known.features.items() if bits & feature == feature)


@_kept
def known_features(target: Target) -> frozenset[str] | None:
    """The features that QEMU listed of its best model, by libvirt's names; None where nobody asked."""
    props = best_model(target)
    return None if props is None else frozenset(from_qemu(name) for name in props)


def best_model(target: Target) -> Mapping[str, object] | None:
    """The properties of ``host`` (with KVM) or ``max``, as QEMU expanded it.

    Before ``unavailable-features`` came (QEMU 4.1), QEMU wrote some features in two ways, and libvirt asks once more
    for all properties of the first answer.
    """
    return best_of(target.caps.accelerators.get(target.accel), "host" if target.accel == "kvm" else "max")


def best_of(
    accelerator: Accelerator | None, wanted: str, asked: Mapping[str, JsonValue] | None = None
) -> Mapping[str, JsonValue] | None:
    """The same of one accelerator; ``wanted`` is ``host`` or ``max``, ``asked`` the properties that it was to have."""
    if accelerator is None:
        return None
    expansions, key = accelerator.cpu_expansions, ("static", wanted, asked or {})
    first = next((one for one in expansions if (one.type, one.model, one.asked_props) == key), None)
    if first is None or first.props is None:
        return None
    return in_full(first, expansions) or first.props


@_kept
def usable_models(target: Target) -> dict[str, tuple[str, ...]] | None:
    """The models that QEMU has, each with the features that keep it from running here, by libvirt's names."""
    return usable_of(target.caps.accelerators.get(target.accel))


def usable_of(accelerator: Accelerator | None) -> dict[str, tuple[str, ...]] | None:
    """The same of one accelerator."""
    models = accelerator.cpu_models if accelerator is not None else None
    if models is None:
        return None
    return {
        name: tuple(from_qemu(feature) for feature in model.unavailable_features or ())
        for name, model in models.items()
    }


@_kept
def host_offer(target: Target) -> CpuOffer | None:
    """What the CPU of the host where the binary was asked offers to guests; None where it was not asked with this
    accelerator."""
    accelerator = target.caps.accelerators.get(target.accel)
    return None if accelerator is None else offer_of(accelerator)


def _processor(props: Mapping[str, object], known: CpuMap) -> Processor:
    """The features that are on, and who the processor says it is."""
    features = [from_qemu(name) for name, value in props.items() if value is True]
    numbers = [value if isinstance(value := props.get(name), int) else 0 for name in ("family", "model", "stepping")]
    vendor = props.get("vendor")
    family, model, stepping = numbers
    return Processor(known.bits_of(features), vendor if isinstance(vendor, str) else None, (family, model, stepping))


def decode_cpu(caps: Capabilities, props: Mapping[str, object], models: Mapping[str, Sequence[str]]) -> Decoded | None:
    """The named model that is nearest to a CPU of these properties, and what differs; of models as
    :func:`usable_models` has them."""
    known = cpu_map()
    decoded = known.decode(_processor(props, known), models)
    if decoded is None or caps.has(f"max-{caps.target}-cpu.unavailable-features"):
        return decoded
    return decoded[0], [(name, on) for name, on in decoded[1] if name not in known.of_msr]
