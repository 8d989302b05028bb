"""The machine ``virt`` of RISC-V, 64 bits (QEMU, ``hw/riscv/virt.c``)."""

from __future__ import annotations

import re
from types import MappingProxyType

from prober.commandline.machines.family import ALWAYS, Defaults, MachineFamily, RootBus, SerialPorts

RISCV_VIRT = MachineFamily(
    kind="virt",
    names=re.compile(r"virt"),
    targets=frozenset({"riscv64"}),
    is_translated=True,
    root=RootBus(name="pcie.0", model="pcie-root", taken={0: {0: False}}),
    further=(
        "gpex-pcihost", "gpex-root", "virtio-mmio", "fw_cfg_mem", "cfi.pflash01", "goldfish_rtc", "riscv.aclint.mtimer",
        "riscv.aclint.swi", "riscv.sifive.plic", "platform-bus-device", "sifive.test",
    ),
    own_buses=frozenset({"virtio-bus"}),
    without_buses=frozenset({"ISA"}),
    # 7.2 makes it too late for ramfb and vmcoreinfo (``virt_machine_done``).
    fw_cfg_since=(8, 0, 0),
    system_bus={**dict.fromkeys(("tpm-tis-device", "uefi-vars-sysbus"), ALWAYS), "ramfb": (8, 0, 0)},
    ide=(0, 2),
    drive_interface="virtio",
    no_drives=frozenset({"floppy"}),
    has_mmio=True,
    card="virtio-net-pci",
    has_display=False,
    serial=SerialPorts(model="16550a", most=1),
    defaults=Defaults(card="virtio", video="virtio", input_bus="usb", panic="", has_ps2=False),
    iommus=frozenset({"virtio"}),
    # 7.2 has no handler for its hot-plug; which is the first that has, was not looked at.
    iommus_since={"virtio": (8, 0, 0)},
    features=frozenset({"aia"}),
    tpms=MappingProxyType({"tpm-tis": "tpm-tis-device"}),
    cpu_suffix="riscv",
    runs_own_cpu=False,
    has_no_acpi_option=False,
    timers=frozenset({"rtc"}),
    memory_models=frozenset({"virtio-pmem"}),
)  # fmt: skip
