"""Whether the bus that a device asks for is there, and its PCI slot free.

QEMU makes devices in the order of the command line, and each makes its buses (QEMU, ``hw/core/bus.c``,
``qbus_init_internal``): a PCI bridge one of its own id, most others ``ID.0``, ``ID.1`` ….  A device without an id names
its buses after their type, with a number that nobody can tell beforehand.  Slots are those of ``hw/pci/pci.c``,
``do_pci_register_device`` and ``pci_init_multifunction``: only addresses that are given are compared, so what QEMU
places by itself is never held against anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from prober.capabilities import Capabilities
from prober.commandline.aliases import MachineKind
from prober.commandline.finding import Finding, Kind
from prober.commandline.line import Line, Made
from prober.commandline.options import Value

#: The PCI root bus of a machine, and the functions that the machine itself occupies there whatever is left out
#: (``hw/i386/pc_piix.c``, ``pc_q35.c``).
_ROOTS: Mapping[MachineKind, tuple[str, Mapping[int, Mapping[int, bool | None]]]] = {
    "pc": ("pci.0", {0: {0: False}, 1: {0: True, 1: None}}),
    "q35": ("pcie.0", {0: {0: False}, 0x1F: {0: True}}),
}

#: Buses that begin with one of these are a machine's own, or named after their type.
_UNNAMED = re.compile(
    r"(main-system-bus|isa|ide|i2c|usb-bus|scsi|floppy-bus|virtio-bus|smbus|vmbus|xen-sysdev|ps2|sd-bus)([.-]\d+)?"
)

#: Names of buses that only devices make, where these have no id.
_OF_DEVICES = re.compile(r"(?:virtio-serial-bus|hda|HDA|ccid-bus|nvme-bus|CXL|cxl|[a-z-]+bus)(?:[.-]\d+)?")
_PCI = re.compile(r"pcie?\.(\d{1,4})")

#: How many names are compared for a hint.
_MOST_NAMES = 200

#: More buses than any device makes: ahci has six.
_MOST_BUSES = 8

#: How many functions a PCI slot has.
_FUNCTIONS = 8

_ADDRESS = re.compile(r"(?:0[xX])?([0-9a-fA-F]{1,2})(?:\.(?:0[xX])?([0-7]))?")

#: More levels than the tree of types has.
_DEEPEST = 32


@dataclass
class _Buses:
    """What is known of the machine's buses after the devices so far."""

    caps: Capabilities
    kind: MachineKind
    multifunction_by_default: bool
    bridges: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    nameless: bool = False
    hints_left: int = 20
    nameless_bridges: int = 0
    #: Whether a type makes a bus of its own id, for those that were looked at.
    are_bridges: dict[str, bool] = field(default_factory=dict)
    #: Function by function, whether it said that it is one of several; None for what the machine has itself.
    slots: dict[str, dict[int, dict[int, bool | None]]] = field(default_factory=dict)

    def is_there(self, bus: str) -> bool:
        """Whether there may be such a bus."""
        if bus in self.bridges or "/" in bus:
            return True
        name, dot, number = bus.rpartition(".")
        if dot and number.isdecimal() and len(number) < 3 and int(number) < _MOST_BUSES and name in self.others:
            return True
        pci = _PCI.fullmatch(bus)
        if pci:
            return self.kind not in _ROOTS or int(pci.group(1)) < self.nameless_bridges
        return bool(_UNNAMED.fullmatch(bus)) or (self.nameless and bool(_OF_DEVICES.fullmatch(bus)))

    def nearest(self, bus: str) -> list[str]:
        """The bus that may have been meant; for the first few only, as each looks at all names."""
        self.hints_left -= 1
        if self.hints_left < 0:
            return []
        return get_close_matches(
            bus[:64], sorted(self.bridges | {f"{name}.0" for name in self.others})[:_MOST_NAMES], n=1
        )

    def add(self, typename: str, ident: str) -> None:
        """The buses of a device that was made."""
        is_bridge = self.are_bridges.get(typename)
        if is_bridge is None:
            is_bridge = self.are_bridges[typename] = _is_bridge(typename, self.caps)
        if not ident:
            self.nameless = True
            self.nameless_bridges += is_bridge
            return
        self.others.add(ident)
        if is_bridge:
            self.bridges.add(ident)


def check_buses(line: Line) -> Iterator[Finding]:
    """Buses that are not there when a device wants them, and PCI slots that are taken.

    Nothing is said of a machine whose own buses are not known, or where a file has further options.
    """
    if line.kind == "other" or line.is_open:
        return
    buses = _Buses(line.caps, line.kind, "multifunction" in line.globals)
    root = _ROOTS.get(line.kind)
    if root is not None:
        buses.bridges.add(root[0])
        buses.slots[root[0]] = {slot: dict(functions) for slot, functions in root[1].items()}
    for device in line.devices:
        yield from _device(device, buses)


def _device(device: Made, buses: _Buses) -> Iterator[Finding]:
    bus = device.bus
    master = device.values.get("masterbus")
    if isinstance(master, str) and not buses.is_there(master):
        bus = master
    if bus and not buses.is_there(bus):
        near = buses.nearest(bus)
        yield Finding(
            kind=Kind.error,
            place=device.place,
            part="bus",
            message=f"there is no bus {bus!r} when this device is made",
            hint=f"did you mean {near[0]}?" if near else "a device with a bus stands before those that are on it",
        )
    else:
        yield from _slot(device, buses)
    buses.add(device.typename, device.id)


def _slot(device: Made, buses: _Buses) -> Iterator[Finding]:
    root = _ROOTS.get(buses.kind)
    values = device.values
    bus = device.bus or (root[0] if root is not None else "")
    address = _address(values.get("addr"))
    if bus not in buses.bridges or address is None:
        return
    known = buses.caps.property_of(device.typename, "multifunction")
    if known is None:
        return  # no PCI device, or one whose properties are not known
    several = values.get("multifunction") in (True, "on", "yes", "true", "y") or buses.multifunction_by_default
    slot, function = address
    taken = buses.slots.setdefault(bus, {}).setdefault(slot, {})
    problem = _problem(function, several, taken) if taken else ""
    if problem:
        yield Finding(
            kind=Kind.error,
            place=device.place,
            part="addr",
            message=f"slot {slot:#x} function {function} of {bus} cannot be had: {problem}",
            hint="give another addr",
        )
    taken.setdefault(function, several)


def _problem(function: int, several: bool, taken: Mapping[int, bool | None]) -> str:
    """Why a function cannot be had in a slot that has others."""
    if function in taken:
        return "another device has it"
    if function and taken.get(0) is False:
        return "the device at function 0 has no multifunction=on"
    if not function and not several:
        return "other functions of it are taken, and this one has no multifunction=on"
    return ""


def _address(value: Value | None) -> tuple[int, int] | None:
    """Slot and function; a number is both at once (``hw/core/qdev-properties-system.c``, ``set_pci_devfn``)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return divmod(value, _FUNCTIONS) if 0 <= value < 256 else None
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    return int(match.group(1), 16), int(match.group(2) or "0")


def _is_bridge(typename: str, caps: Capabilities) -> bool:
    """Whether a device may have a PCI bus of its own id: bridges, ports and expanders, and what is not known."""
    if typename.startswith("pxb"):
        return True
    parents = caps.parents
    name: str | None = typename
    for _ in range(_DEEPEST):
        if name in ("base-pci-bridge", "pci-bridge", "pcie-port"):
            return True
        if name in ("device", "pci-device", "usb-device", "scsi-device", "virtio-pci-base-type"):
            return False
        name = parents.get(name or "")
        if name is None:
            return True
    return True
