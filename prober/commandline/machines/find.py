"""Which machine a command line makes, and of which family it is."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from prober.capabilities import Capabilities
from prober.capabilities.models import Machine
from prober.commandline.machines.arm_virt import ARM_VIRT
from prober.commandline.machines.family import MachineFamily
from prober.commandline.machines.isapc import ISAPC
from prober.commandline.machines.loongarch_virt import LOONGARCH_VIRT
from prober.commandline.machines.microvm import MICROVM
from prober.commandline.machines.none import NONE
from prober.commandline.machines.other import OTHER
from prober.commandline.machines.pc import PC
from prober.commandline.machines.q35 import Q35
from prober.commandline.machines.riscv_virt import RISCV_VIRT
from prober.commandline.options import Keyval

#: Every family that is known.  Where several have something, that is their order in a sentence.
FAMILIES: tuple[MachineFamily, ...] = (PC, Q35, ISAPC, MICROVM, ARM_VIRT, RISCV_VIRT, LOONGARCH_VIRT, NONE)

#: The devices that some machine takes on its system bus; all others of that bus are parts of machines alone, as far as
#: the targets of these families go (``hw/core/sysbus.c``, ``sysbus_device_class_init``: ``user_creatable``).
ON_SYSTEM_BUS: frozenset[str] = frozenset[str]().union(*(family.system_bus for family in FAMILIES))
SYSTEM_BUS_TARGETS: frozenset[str] = frozenset[str]().union(*(family.targets for family in FAMILIES))


@lru_cache(maxsize=256)
def machine_family(canonical: str, target: str) -> MachineFamily:
    """The family of a machine, by its canonical name and QEMU's name of the target."""
    for family in FAMILIES:
        if family.names.fullmatch(canonical) and (not family.targets or target in family.targets):
            return family
    return OTHER


def machine_of(options: Iterable[Keyval], caps: Capabilities) -> Machine | None:
    """The machine that all ``-machine`` together name, or None where it is not known."""
    name = ""
    for option in options:
        name = option.first or name
    return caps.machine(name) if name else caps.accelerator.default_machine
