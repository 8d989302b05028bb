"""The CPU that a machine has of itself, and QEMU's types of CPU models."""

from __future__ import annotations

from prober.host.target import Target


def cpu_type(model: str, target: Target) -> str:
    """QEMU's type of a model: ``qemu64-x86_64-cpu``, ``cortex-a57-arm-cpu``."""
    return f"{model}-{target.family.cpu_suffix or target.caps.target}-cpu"


def default_model(target: Target) -> str | None:
    """The machine's own model (QEMU 4.2 tells it), if KVM can run it (libvirt 11.3, ``qemuDomainDefSetDefaultCPU``)."""
    default = target.entry.default_cpu_type if target.entry is not None else None
    if default is None or (target.accel == "kvm" and not target.family.runs_own_cpu):
        return None
    suffix = cpu_type("", target)
    return default.removesuffix(suffix) if default.endswith(suffix) else None
