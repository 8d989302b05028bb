"""The machine ``none``, which every target has: no CPU, no memory, no bus but its own (``hw/core/null-machine.c``)."""

from __future__ import annotations

import re

from prober.commandline.machines.family import MachineFamily

NONE = MachineFamily(
    kind="none",
    names=re.compile(r"none"),
    targets=frozenset(),
    without_buses=frozenset({"PCI", "ISA"}),
    ide=(0, 2),
    numa_since=None,
    fw_cfg_since=None,
    drive_interface="none",
    no_drives=frozenset({"floppy", "pflash"}),
)
