"""``<features>``: what the machine has beyond its devices."""

from __future__ import annotations

from typing import Annotated

from prober.domain.binding import At, Element, Neutral
from prober.domain.values import OnOff


class Features(Element):
    """``<acpi>`` becomes ``acpi=on`` of ``-machine``; ``<pci>`` holds one spelling of a hot-plug option."""

    acpi: Annotated[bool, At("acpi")] = False
    apic: Annotated[bool, At("apic"), Neutral("QEMU's x86 machines always have an APIC")] = False
    pae: Annotated[bool, At("pae"), Neutral("part of every x86 CPU model that QEMU emulates")] = False
    acpi_bridge_hotplug: Annotated[OnOff | None, At("pci/acpi-bridge-hotplug/@state")] = None
