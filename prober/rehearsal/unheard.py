"""Buses that a machine plugs into while no guest hears of it (the rules of :mod:`prober.guest.hotplug.outcome`)."""

from __future__ import annotations

from prober.qemu.asking import ask_all
from prober.qemu.qom import qom_get
from prober.qemu.session import Session

#: The options of PCI hot-plug of pc's PM, either of which has it do something.
_OPTIONS = ("acpi-pci-hotplug-with-bridge-support", "acpi-root-pci-hotplug")


async def why_unheard(session: Session, bus: str) -> str:
    """Why no guest hears of a device that is plugged into a PCI bus, given by its path; empty where one does.

    :raise QemuError: where the QEMU ends, or does not answer as QMP has it.
    """
    handler, acpi = await ask_all(session, [qom_get(bus, "hotplug-handler"), qom_get("/machine", "acpi")])
    path = handler.reply if isinstance(handler.reply, str) else ""
    if not path:
        return ""
    kind, *options = await ask_all(session, [qom_get(path, name) for name in ("type", *_OPTIONS)])
    if kind.reply == "ICH9-LPC" and acpi.reply == "off":
        return "ICH9-LPC takes hot-plug over by ACPI, and the machine has no ACPI tables (hw/acpi/ich9.c)"
    if kind.reply == "PIIX4_PM" and [one.reply for one in options] == [False, False]:
        return "PIIX4_PM has the bus, and does nothing with both of its options off (hw/acpi/piix4.c, 5.2 to 7.2)"
    return ""
