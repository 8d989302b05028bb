"""``<hyperv mode='host-model'>``: what KVM of the host has of Hyper-V, as the binary said where it was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from prober.capabilities.models import Accelerator
from prober.commandline.refusal import Refusal
from prober.domain.clock.timer import Timer
from prober.domain.domain import Domain
from prober.domain.features.hyperv import ENLIGHTENMENTS, HyperV, HypervVendor, Spinlocks, SyntheticTimer, TlbFlush
from prober.domain.features.switch import Switch
from prober.domain.steps import Completion
from prober.host.target import Target
from prober.xml.binding import Places


def offered_hyperv(accelerator: Accelerator | None) -> Mapping[str, JsonValue] | None:
    """The properties of ``host`` where all of Hyper-V that KVM has is asked for (``hv-passthrough``); None where nobody
    asked, or this QEMU did not tell of it."""
    asked = accelerator.cpu_expansions if accelerator is not None else ()
    every = [one for one in asked if one.asked_props.get("hv-passthrough") is True and one.type == "full"]
    props = next((one.props for one in every if one.props), None)
    return props if props is not None and any(name.startswith("hv-") for name in props) else None


def settle_hyperv(domain: Domain, target: Target) -> Completion:
    """All that the host has and the domain does not speak of, switched on with its timer (libvirt 12.8, asked)."""
    hyperv = domain.features.hyperv
    if hyperv is None or hyperv.mode != "host-model":
        return domain
    if target.accel != "kvm":
        message = "mode='host-model' is what KVM of the host has, and the domain's type is qemu"
        yield Refusal(place=hyperv.place("mode"), message=message, hint="write <domain type='kvm'>")
        return domain
    offered = offered_hyperv(target.caps.accelerators.get("kvm"))
    if offered is None:
        message = "what KVM of the host has of Hyper-V is not known: this QEMU was never asked"
        yield Refusal(place=hyperv.place("mode"), message=message, hint="interview it where it can use KVM")
        return domain
    places = Places(hyperv.place("mode"))
    found = {
        name: made.replace(places=places)
        for name, qemu in ENLIGHTENMENTS.items()
        if getattr(hyperv, name) is None and (made := _made(name, qemu, offered)) is not None
    }
    settled: HyperV = hyperv.replace(**found)
    domain = domain.replace(features=domain.features.replace(hyperv=settled))
    if offered.get("hv-time") is not True or domain.clock.timer("hypervclock") is not None:
        return domain
    timer = Timer(name="hypervclock", present=True).replace(places=places)
    return domain.replace(clock=domain.clock.replace(timers=(timer, *domain.clock.timers)))


def _made(name: str, qemu: str, offered: Mapping[str, JsonValue]) -> Any:
    """The element of one enlightenment as the host has it, or None."""
    value = offered.get(qemu)
    if not value:
        return None

    def also(key: str) -> Switch | None:
        return Switch(state=True) if offered.get(key) is True else None

    match name:
        case "spinlocks":
            return Spinlocks(state=True, retries=value) if isinstance(value, int) else None
        case "vendor_id":
            return HypervVendor(state=True, value=value) if isinstance(value, str) else None
        case "stimer":
            return SyntheticTimer(state=True, direct=also("hv-stimer-direct"))
        case "tlbflush":
            return TlbFlush(state=True, direct=also("hv-tlbflush-direct"), extended=also("hv-tlbflush-ext"))
    return Switch(state=True)
