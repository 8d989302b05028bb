"""The machine ``microvm``: virtio-mmio, and PCI where it is asked for (QEMU, ``hw/i386/microvm.c``).

It is not translated: libvirt has no devices on its buses.
"""

from __future__ import annotations

import re

from prober.commandline.machines.family import ALWAYS, MachineFamily, SerialPorts

MICROVM = MachineFamily(
    kind="microvm",
    names=re.compile(r"microvm"),
    pci_switch="pcie",
    further=("virtio-mmio", "ioapic", "isa-pit", "isa-i8259", "isabus-bridge", "mc146818rtc"),
    own_buses=frozenset({"virtio-bus"}),
    system_bus=dict.fromkeys(("ramfb",), ALWAYS),
    ide=(0, 2),
    drive_interface="none",
    no_drives=frozenset({"floppy", "pflash"}),
    serial=SerialPorts(most=1),
)
