"""The machine ``isapc``: an old PC, without PCI (QEMU, ``hw/i386/pc_piix.c`` and ``isapc.c``)."""

from __future__ import annotations

import re

from prober.commandline.machines.family import MachineFamily
from prober.commandline.machines.x86 import (
    ISA_PORTS,
    MOST_WITHOUT_EIM,
    PC_DEFAULTS,
    PC_FEATURES,
    PC_FIRMWARE,
    PC_LEVELS,
    PC_MEMORY,
    PC_TIMERS,
)

ISAPC = MachineFamily(
    kind="isapc",
    names=re.compile(r"isapc"),
    is_translated=True,
    further=("isa-ide", "isa-fdc", "i8042", "isabus-bridge", "mc146818rtc", "isa-pit", "isa-i8259", "port92"),
    own_buses=frozenset({"floppy-bus"}),
    without_buses=frozenset({"PCI"}),
    ide=(2, 2),
    no_drives=frozenset({"pflash"}),
    card="ne2k_isa",
    serial=ISA_PORTS,
    acpi_device="PIIX4_PM",
    defaults=PC_DEFAULTS,
    # libvirt holds it against none of these.
    iommus=frozenset({"amd", "intel", "virtio"}),
    firmware=PC_FIRMWARE,
    smp_levels=PC_LEVELS,
    tis_version="1.2",
    most_without_eim=MOST_WITHOUT_EIM,
    features=PC_FEATURES,
    timers=PC_TIMERS,
    memory_models=PC_MEMORY,
)
