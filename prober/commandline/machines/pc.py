"""The machines ``pc``: an i440FX with a PIIX3, conventional PCI (QEMU, ``hw/i386/pc_piix.c``)."""

from __future__ import annotations

import re

from prober.commandline.machines.family import (
    ALWAYS,
    Chipset,
    MachineFamily,
    OwnFunctions,
    RootBus,
    UsbDefaults,
)
from prober.commandline.machines.x86 import (
    ISA_PORTS,
    MOST_WITHOUT_EIM,
    OF_PCS,
    PC_DEFAULTS,
    PC_FEATURES,
    PC_FIRMWARE,
    PC_LEVELS,
    PC_MEMORY,
    PC_TIMERS,
)

PC = MachineFamily(
    kind="pc",
    # ``pc-i440fx-7.2`` since 2.0, ``pc-1.3`` and ``pc-0.15`` before.  Aliases are there for machines not in a list.
    names=re.compile(r"pc(-i440fx-.*|-[01]\..*)?"),
    is_translated=True,
    root=RootBus(
        name="pci.0",
        model="pci-root",
        taken={0: {0: False}, 1: {0: True, 1: None}},
        optional=(
            OwnFunctions(slot=1, functions={3: None}, goes_with="acpi"),  # PIIX4_PM
            OwnFunctions(slot=1, functions={2: None}, goes_with="usb"),  # piix3-usb-uhci
        ),
        # The ISA bridge, and power management.
        reserved=((0, 1, 0), (0, 1, 3)),
        host="i440FX-pcihost",
    ),
    builtin=OF_PCS | {"PIIX3", "PIIX4_PM", "i440FX", "i440FX-pcihost", "isa-fdc", "piix3-ide"},
    usb=("piix3-usb-uhci",),
    own_buses=frozenset({"floppy-bus"}),
    system_bus=dict.fromkeys(("ramfb", "uefi-vars-x64", "vmbus-bridge"), ALWAYS),
    ide=(2, 2),
    card="e1000",
    serial=ISA_PORTS,
    is_numbered=True,
    dimms="acpi",
    acpi_device="PIIX4_PM",
    chipset=Chipset(ide=(0, 1, 1), usb=(0, 1, 2), floppy=True, video_spots=((0, 2, 0),)),
    usb_defaults=UsbDefaults(added=("piix3-uhci",)),
    defaults=PC_DEFAULTS,
    expander="pci-expander-bus",
    watchdogs=frozenset({"ib700"}),
    firmware=PC_FIRMWARE,
    smp_levels=PC_LEVELS,
    tis_version="1.2",
    most_without_eim=MOST_WITHOUT_EIM,
    features=PC_FEATURES,
    timers=PC_TIMERS,
    memory_models=PC_MEMORY,
)
