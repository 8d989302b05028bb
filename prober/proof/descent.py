"""Which objects of a live machine are looked into: each costs a question, and most have nothing that is asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prober.capabilities.capabilities import Capabilities
from prober.commandline.device_types import device_type

#: What has the device in it that handles PCI hot-plug, and a clock (``hw/isa/piix.c``, ``lpc_ich9.c``, from QEMU 8.0).
_KEEPERS = frozenset({"PIIX3", "PIIX3-xen", "PIIX4", "ICH9-LPC"})

#: What stands in those, or by itself in the machine.
_FOUND = frozenset({"PIIX4_PM", "ICH9-LPC", "mc146818rtc", "kvm-pit", "cfi.pflash01"})


def looks_into(caps: Capabilities, wanted: Iterable[str]) -> Callable[[str], bool]:
    """Whether an object of a type may hold a PCI bus, what handles hot-plug there, or a device that is ``wanted``.

    The types that are wanted may stand inside of anything, so each that is not known to be found otherwise has every
    object looked into.
    """
    if not _FOUND.issuperset(wanted):
        return lambda kind: True
    return lambda kind: _may_hold(kind, caps)


def _may_hold(kind: str, caps: Capabilities) -> bool:
    if kind in _KEEPERS or kind not in (caps.types or ()):
        return True
    known = device_type(kind, caps)
    is_bridge = known.is_bridge and "device" in known.lineage
    return is_bridge or "pci-host-bridge" in known.lineage or kind == "container"
