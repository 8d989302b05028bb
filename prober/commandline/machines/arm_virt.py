"""The machines ``virt`` of ARM, 32 and 64 bits: a board that no hardware is, with PCI Express, virtio-mmio and a GIC
(QEMU, ``hw/arm/virt.c``)."""

from __future__ import annotations

import re
from types import MappingProxyType

from prober.commandline.machines.family import (
    ALWAYS,
    Defaults,
    MachineFamily,
    RootBus,
    SerialPorts,
    UsbDefaults,
)

ARM_VIRT = MachineFamily(
    kind="virt",
    names=re.compile(r"virt(-\d+\.\d+)?"),
    targets=frozenset({"aarch64", "arm"}),
    is_translated=True,
    root=RootBus(name="pcie.0", model="pcie-root", taken={0: {0: False}}),
    further=(
        "gpex-pcihost", "gpex-root", "virtio-mmio", "pl011", "pl031", "pl061", "fw_cfg_mem", "cfi.pflash01", "acpi-ged",
        "arm-gicv2m", "arm_gic", "arm-gicv3", "arm-gicv3-its", "kvm-arm-gic", "kvm-arm-gicv3", "kvm-arm-its",
        "arm-smmuv3", "platform-bus-device", "gpio-key",
    ),
    own_buses=frozenset({"virtio-bus"}),
    without_buses=frozenset({"ISA"}),
    # arm-smmuv3 is part of the machine alone before that.
    system_bus={
        **dict.fromkeys(
            ("ramfb", "tpm-tis-device", "uefi-vars-sysbus", "vfio-amd-xgbe", "vfio-calxeda-xgmac", "vfio-platform"),
            ALWAYS,
        ),
        "arm-smmuv3": (10, 2, 0),
    },
    ide=(0, 2),
    drive_interface="virtio",
    no_drives=frozenset({"floppy"}),
    has_mmio=True,
    smp_levels=frozenset({"clusters"}),
    card="virtio-net-pci",
    has_display=False,
    # A second one that is not secure since QEMU 9.1.
    serial=SerialPorts(model="pl011", most=1, later=((9, 1, 0), 2)),
    is_numbered=True,
    # ``virt_memory_pre_plug``, and ``machvirt_init`` for what the event device hangs on.
    dimms="firmware",
    usb_defaults=UsbDefaults(models=("qemu-xhci", "nec-xhci")),
    defaults=Defaults(
        card="virtio",
        scsi="virtio-scsi",
        video="virtio",
        input_bus="usb",
        panic="pvpanic",
        has_memballoon=False,
        has_ps2=False,
    ),
    expander="pcie-expander-bus",
    iommus=frozenset({"smmuv3", "virtio"}),
    firmware="acpi-needs-uefi",
    features=frozenset({"gic", "ras"}),
    tpms=MappingProxyType({"tpm-tis": "tpm-tis-device"}),
    cpu_suffix="arm",
    # It is a cortex-a15, of 32 bits.
    runs_own_cpu=False,
    timers=frozenset({"rtc", "armvtimer"}),
    memory_models=frozenset({"dimm", "nvdimm", "virtio-pmem", "virtio-mem"}),
)  # fmt: skip
