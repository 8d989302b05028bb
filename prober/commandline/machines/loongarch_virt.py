"""The machine ``virt`` of LoongArch (QEMU, ``hw/loongarch/virt.c``)."""

from __future__ import annotations

import re
from types import MappingProxyType

from prober.commandline.machines.family import ALWAYS, Defaults, MachineFamily, RootBus, SerialPorts, UsbDefaults

LOONGARCH_VIRT = MachineFamily(
    kind="virt",
    names=re.compile(r"virt"),
    targets=frozenset({"loongarch64"}),
    is_translated=True,
    root=RootBus(name="pcie.0", model="pcie-root", taken={0: {0: False}}),
    further=(
        "gpex-pcihost", "gpex-root", "fw_cfg_mem", "cfi.pflash01", "acpi-ged", "ls7a_rtc", "loongarch_ipi",
        "loongarch_extioi", "loongarch_pch_msi", "loongarch_pch_pic", "platform-bus-device",
    ),
    without_buses=frozenset({"ISA"}),
    system_bus=dict.fromkeys(("ramfb", "tpm-tis-device", "uefi-vars-sysbus"), ALWAYS),
    ide=(0, 2),
    drive_interface="virtio",
    no_drives=frozenset({"floppy"}),
    card="virtio-net-pci",
    has_display=False,
    dimms="always",
    numa_since=(8, 1, 0),
    least_memory=1 << 30,
    serial=SerialPorts(model="16550a", most=1, later=((9, 2, 0), 4)),
    usb_defaults=UsbDefaults(models=("qemu-xhci", "nec-xhci")),
    defaults=Defaults(
        card="virtio",
        scsi="virtio-scsi",
        video="virtio",
        input_bus="usb",
        panic="",
        has_memballoon=False,
        has_ps2=False,
    ),
    iommus=frozenset({"virtio"}),
    # 7.2 has no handler for its hot-plug; which is the first that has, was not looked at.
    iommus_since={"virtio": (8, 0, 0)},
    tpms=MappingProxyType({"tpm-tis": "tpm-tis-device"}),
    cpu_suffix="loongarch",
    runs_own_cpu=False,
    has_no_acpi_option=False,
    timers=frozenset({"rtc"}),
    memory_models=frozenset({"dimm", "nvdimm", "virtio-pmem"}),
)  # fmt: skip
