"""What is to be known of ARM's CPUs."""

from __future__ import annotations

from prober.capabilities import Capabilities

#: The property of a CPU that can do without its 64 bits (QEMU, ``target/arm/cpu64.c``); others have none of either.
_SWITCH = "aarch64"


def has_32_bits(cpu_type: str, caps: Capabilities) -> bool:
    """Whether a type of ARM's CPUs (``cortex-a15-arm-cpu``) is known to have 32 bits and no more."""
    is_known = cpu_type in (caps.types or ()) and caps.knows_properties_of(cpu_type)
    return is_known and caps.property_of(cpu_type, _SWITCH) is None
