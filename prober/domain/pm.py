"""``<pm>`` and ``<acpi-hotplug>``: what ACPI offers to the guest.

The two hot-plug children are read here, and become options in :mod:`prober.guest.hotplug`, together
with the other spellings of the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from prober.commandline.options import Global, Option, Property
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Element
from prober.xml.values import YesNo

_BRIDGE = "`acpi-pci-hotplug-with-bridge-support` of the machine's ACPI device"
_ROOT = "`PIIX4_PM.acpi-root-pci-hotplug`"


class AcpiHotplug(Element):
    """``<acpi-hotplug>`` under ``<domain>``."""

    acpi_hotplug_bridge: Annotated[YesNo | None, At("acpi-hotplug-bridge/@enabled"), Becomes(_BRIDGE)] = None
    acpi_root_hotplug: Annotated[YesNo | None, At("acpi-root-hotplug/@enabled"), Becomes(_ROOT)] = None


class Pm(AcpiHotplug):
    """``<pm>``: sleep states, and libvirt's first spelling of the hot-plug options."""

    suspend_to_mem: Annotated[
        YesNo | None, At("suspend-to-mem/@enabled"), Becomes("`disable_s3` of the machine's ACPI device")
    ] = None
    suspend_to_disk: Annotated[
        YesNo | None, At("suspend-to-disk/@enabled"), Becomes("`disable_s4` of the machine's ACPI device")
    ] = None


def emit_pm(pm: Pm | None, target: Target) -> Iterator[Option]:
    """``disable_s3`` and ``disable_s4`` of the machine's ACPI device."""
    if pm is None:
        return
    device = target.family.acpi_device or "PIIX4_PM"
    for name, qemu in (("suspend_to_mem", "disable_s3"), ("suspend_to_disk", "disable_s4")):
        value = getattr(pm, name)
        if value is not None:
            yield Global(device, Property(qemu, int(not value), pm.place(name)))
