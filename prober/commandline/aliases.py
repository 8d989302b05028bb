"""What no QMP answer tells of a QEMU, though it is so: the named exceptions of the check.

Each entry says where the fact comes from.  Everything else that the check accepts is in the recording.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

MachineKind = Literal["pc", "q35", "isapc", "microvm", "none", "other"]

#: Other names that ``-device`` takes for a type (QEMU, ``system/qdev-monitor.c``, ``qdev_alias_table``, 5.2 to
#: 11.1; x86's part of it).  Where a binary lacks the type, it lacks the alias.
DEVICE_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "ac97": "AC97",
        "ahci": "ich9-ahci",
        "e1000-82540em": "e1000",
        "es1370": "ES1370",
        "lsi": "lsi53c895a",
        **{
            f"virtio-{kind}": f"virtio-{kind}-pci"
            for kind in (
                "9p", "balloon", "blk", "gpu", "gpu-gl", "input-host", "iommu", "keyboard", "mouse", "net", "rng",
                "scsi", "serial", "sound", "tablet",
            )
        },
    }
)  # fmt: skip

#: The families of x86 machines, told from QEMU's canonical names (``hw/i386/pc_piix.c``, ``pc_q35.c``):
#: ``pc-i440fx-7.2`` since 2.0, ``pc-1.3`` and ``pc-0.15`` before.  Aliases are there for machines not in a list.
MACHINE_KINDS: tuple[tuple[MachineKind, re.Pattern[str]], ...] = (
    ("q35", re.compile(r"(pc-)?q35(-.*)?")),
    ("pc", re.compile(r"pc(-i440fx-.*|-[01]\..*)?")),
    ("isapc", re.compile(r"isapc")),
    ("microvm", re.compile(r"microvm")),
    ("none", re.compile(r"none")),
)

_PC_AND_Q35 = frozenset(
    {
        "fw_cfg_io", "hpet", "i8042", "i8257", "ioapic", "isa-i8259", "isa-pcspk", "isa-pit", "mc146818rtc", "port92",
        "smbus-eeprom", "vmmouse", "vmport",
    }
)  # fmt: skip

#: The devices that a machine is made of, without any option (``info qtree`` of QEMU 5.2, 7.2, 10.0 and 11.1).
BUILTIN_DEVICES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "pc": _PC_AND_Q35 | {"PIIX3", "PIIX4_PM", "i440FX", "i440FX-pcihost", "isa-fdc", "piix3-ide"},
        "q35": _PC_AND_Q35 | {"ICH9 SMB", "ICH9-LPC", "ICH9-SMB", "ich9-ahci", "mch", "q35-pcihost"},
    }
)

#: Options that ``query-command-line-options`` never lists, as they have no keys (QEMU, ``qemu-options.hx``,
#: 2.1 to 11.1): all of these have been there throughout.
PLAIN_OPTIONS = frozenset(
    {
        "-S", "-append", "-display", "-initrd", "-kernel", "-no-reboot", "-no-shutdown", "-no-user-config",
        "-nodefaults", "-uuid", "-watchdog-action",
    }
)  # fmt: skip
