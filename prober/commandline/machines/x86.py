"""What several families of x86 machines share."""

from __future__ import annotations

from prober.commandline.machines.family import Defaults, Needs, SerialPorts

#: What pc and q35 are made of alike (``info qtree`` of QEMU 5.2, 7.2, 10.0 and 11.1).
OF_PCS = frozenset(
    {
        "fw_cfg_io", "hpet", "i8042", "i8257", "ioapic", "isa-i8259", "isa-pcspk", "isa-pit", "mc146818rtc", "port92",
        "smbus-eeprom", "vmmouse", "vmport",
    }
)  # fmt: skip

#: ``hw/char/serial-isa.c``, ``MAX_ISA_SERIAL_PORTS``.
ISA_PORTS = SerialPorts(model="isa-serial", most=4)

#: What libvirt takes by default.
PC_DEFAULTS = Defaults()

#: UEFI of x86 hands its tables over by ACPI alone.
PC_FIRMWARE: Needs = "uefi-needs-acpi"

#: Elements of ``<features>`` that are x86's.
PC_FEATURES = frozenset({"vmport", "smm", "ioapic", "ps2"})

#: ``hw/i386/pc.c``, ``smp_props``.
PC_LEVELS = frozenset({"dies", "modules"})

PC_TIMERS = frozenset({"pit", "rtc", "hpet", "tsc", "kvmclock", "hypervclock"})

PC_MEMORY = frozenset({"dimm", "nvdimm", "virtio-pmem", "virtio-mem", "sgx-epc"})

#: More CPUs than this need interrupts of Intel's extended mode (libvirt, ``QEMU_MAX_VCPUS_WITHOUT_EIM``).
MOST_WITHOUT_EIM = 255
