"""Capabilities as an interview with KVM gives them, on a host whose CPU the test chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.models import Accelerator, CpuExpansion
from prober.guest.cpu.map import cpu_map
from prober.guest.cpu.names import to_qemu
from tests.recordings import FIXTURES, load_capabilities

RECORDED = {
    path.name.removeprefix("qemu-").removesuffix(".replies.xz"): path
    for path in sorted(FIXTURES.glob("qemu-[0-9]*.replies.xz"))
}

#: What QEMU 10.0 says on a host that has them all.
ENLIGHTENED: dict[str, JsonValue] = {
    "hv-relaxed": True, "hv-vapic": True, "hv-spinlocks": 4095, "hv-vpindex": True, "hv-vendor-id": "Linux KVM Hv",
    "hv-evmcs": False, "hv-time": True, "hv-version-id-build": 14393,
}  # fmt: skip


def nehalem(
    version: str = "10.0.13",
    *,
    besides: tuple[str, ...] = (),
    unmigratable: tuple[str, ...] = (),
    lacking: Mapping[str, tuple[str, ...] | None] | None = None,
    hyperv: Mapping[str, JsonValue] | None = None,
    **fields: Any,
) -> Capabilities:
    """A host with a Nehalem, and what else its CPU has; ``unmigratable`` it has only where that need not be.

    ``lacking`` are the features that keep models from running; any other model runs.
    """
    caps = load_capabilities(RECORDED[version])
    known, lacking = cpu_map(), lacking or {}
    names = (*known.names_of(known.models["Nehalem"].bits), *besides)
    on: dict[str, JsonValue] = {to_qemu(name): True for name in names}
    host: dict[str, JsonValue] = {"vendor": "GenuineIntel", "family": 6, "model": 26, "stepping": 5, **on}
    host |= {to_qemu(name): False for name in unmigratable}
    expansions = [
        CpuExpansion(type="static", model="host", props=host),
        CpuExpansion(
            type="static",
            model="host",
            asked_props={"migratable": False},
            props=host | {to_qemu(name): True for name in unmigratable},
        ),
    ]
    if hyperv is not None:
        asked: dict[str, JsonValue] = {"migratable": False, "hv-passthrough": True}
        expansions.append(CpuExpansion(type="full", model="host", asked_props=asked, props=host | dict(hyperv)))
    tcg = caps.accelerators["tcg"]
    models = {
        name: model.model_copy(update={"unavailable_features": lacking.get(name, ())})
        for name, model in (tcg.cpu_models or {}).items()
    }
    kvm = Accelerator(machines=tcg.machines, cpu_models=models, cpu_expansions=tuple(expansions))
    return caps.model_copy(update={"accelerators": {"kvm": kvm, "tcg": tcg}, **fields})
