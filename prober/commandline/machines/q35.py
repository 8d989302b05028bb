"""The machines ``q35``: an ICH9 with PCI Express (QEMU, ``hw/i386/pc_q35.c``)."""

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

Q35 = MachineFamily(
    kind="q35",
    names=re.compile(r"(pc-)?q35(-.*)?"),
    is_translated=True,
    root=RootBus(
        name="pcie.0",
        model="pcie-root",
        taken={0: {0: False}, 0x1F: {0: True}},
        optional=(
            OwnFunctions(slot=0x1F, functions={2: None}, goes_with="sata"),
            OwnFunctions(slot=0x1F, functions={3: None}, goes_with="smbus"),
            OwnFunctions(slot=0x1D, functions={0: True, 1: None, 2: None, 7: None}, goes_with="usb"),
        ),
        # The ISA bridge, and the SMBus.
        reserved=((0, 0x1F, 0), (0, 0x1F, 3)),
        host="q35-pcihost",
    ),
    builtin=OF_PCS | {"ICH9 SMB", "ICH9-LPC", "ICH9-SMB", "ich9-ahci", "mch", "q35-pcihost"},
    usb=("ich9-usb-ehci1", "ich9-usb-uhci1", "ich9-usb-uhci2", "ich9-usb-uhci3"),
    system_bus=dict.fromkeys(("amd-iommu", "intel-iommu", "ramfb", "uefi-vars-x64", "vmbus-bridge"), ALWAYS),
    ide=(6, 1),
    card="e1000e",
    serial=ISA_PORTS,
    is_numbered=True,
    dimms="acpi",
    acpi_device="ICH9-LPC",
    chipset=Chipset(
        sata=(0, 0x1F, 2),
        usb2_spots=((0, 0x1D, 0), (0, 0x1A, 0)),
        video_spots=((0, 1, 0),),
        sound_spots=((0, 0x1B, 0),),
        bridge_spots=((0, 0x1E, 0),),
    ),
    usb_defaults=UsbDefaults(added=("qemu-xhci", "nec-xhci", "ich9-ehci1")),
    defaults=PC_DEFAULTS,
    expander="pcie-expander-bus",
    watchdogs=frozenset({"itco"}),
    iommus=frozenset({"amd", "intel", "virtio"}),
    firmware=PC_FIRMWARE,
    smp_levels=PC_LEVELS,
    tis_version="1.2",
    most_without_eim=MOST_WITHOUT_EIM,
    has_smm_flash=True,
    features=PC_FEATURES,
    timers=PC_TIMERS,
    memory_models=PC_MEMORY,
)
