"""From which version on QEMU has a fact, for the hint of a refusal.

Seen in recordings of 37 QEMUs from 1.5.3 to 11.1.2: absent in every one before, present in every one since.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: The first recorded version that has it, and the last that has not.
FIRST_KNOWN: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "PIIX4_PM.acpi-pci-hotplug-with-bridge-support": ("2.1.1", "1.7.0"),
        "PIIX4_PM.acpi-root-pci-hotplug": ("5.2.0", "5.1.0"),
        "ICH9-LPC.acpi-pci-hotplug-with-bridge-support": ("6.1.0", "6.0.0"),
        "ICH9-LPC.disable_s3": ("2.4.0", "2.1.1"),
        "ICH9-LPC.disable_s4": ("2.4.0", "2.1.1"),
        "-action": ("6.0.0", "5.2.0"),
        "pcie-root-port.hotplug": ("5.0.0", "4.2.0"),
        "virtio-balloon-pci.deflate-on-oom": ("2.4.0", "2.1.1"),
        "virtio-balloon-pci.free-page-reporting": ("5.1.0", "5.0.0"),
    }
)


def first_known_hint(fact: str) -> str:
    """``QEMU 5.2.0 is the first known to have it``, or nothing."""
    known = FIRST_KNOWN.get(fact)
    return f"QEMU {known[0]} is the first known to have it" if known else ""
