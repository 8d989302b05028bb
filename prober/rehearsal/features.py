"""Features of a CPU that two machines do not have in common, by libvirt's names.  Pure."""

from __future__ import annotations

import re

from prober.guest.cpu.map import cpu_map
from prober.rehearsal.models import GuestChange

#: A register of CPUID, as a rehearsal tells of it.
_REGISTER = re.compile(r"CPUID 0x([0-9a-f]+)(?:\.0x([0-9a-f]+))? (E[ABCD]X)")


def features_apart(change: GuestChange) -> tuple[list[str], list[str]]:
    """The features that only this side has, and those that only the other has, of a change of a register; none of what
    the map of CPUs does not know, and of any other change.

    >>> features_apart(GuestChange(where="cpu features", part="CPUID 0x1 ECX", here=1 << 9, there=1 << 21))
    (['ssse3'], ['x2apic'])
    """
    register = _REGISTER.fullmatch(change.part)
    if register is None or not isinstance(change.here, int) or not isinstance(change.there, int):
        return [], []
    place = int(register[1], 16), int(register[2] or "0", 16), register[3]
    here, there = change.here, change.there
    return cpu_map().names_in(*place, here & ~there), cpu_map().names_in(*place, there & ~here)
