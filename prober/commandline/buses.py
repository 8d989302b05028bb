"""Whether the bus that a device asks for is there, and its PCI slot free.

QEMU makes devices in the order of the command line, and each makes its buses (QEMU, ``hw/core/bus.c``,
``qbus_init_internal``): a PCI bridge one of its own id, most others ``ID.0``, ``ID.1`` ….  A device without an id names
its buses after their type, with a number that nobody can tell beforehand.  Slots are those of ``hw/pci/pci.c``,
``do_pci_register_device`` and ``pci_init_multifunction``: only addresses that are given are compared, so what QEMU
places by itself is never held against anybody.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache

from prober.capabilities.facts import did_you_mean
from prober.commandline import own_slots
from prober.commandline.bus_types import CALLED_BY_ID, OF_DEVICES, Makes
from prober.commandline.device_types import NO_BUSES
from prober.commandline.line import Line, Made, kept_by_line, switch
from prober.commandline.options import Value
from prober.commandline.refusal import Finding, Kind

#: Buses that begin with one of these are a machine's own, or named after their type.
_UNNAMED = re.compile(
    r"(main-system-bus|isa|ide|i2c|usb-bus|scsi|floppy-bus|virtio-bus|smbus|vmbus|xen-sysdev|ps2|sd-bus|ati-vga[.]ddc)([.-]\d+)?"
)

#: Buses that are numbered through: after the machine's own, a device without an id goes on with the next number of its
#: type (``hw/core/bus.c``, ``qbus_init_internal``: ``automatic_ids``).
_COUNTED = re.compile(r"(ide|scsi)[.](\d{1,4})")

#: Names of buses that only devices make, where these have no id.
_OF_DEVICES = re.compile(r"(virtio-serial-bus|hda|ccid-bus|nvme-bus|CXL|cxl|[a-z-]+bus)(?:[.-]\d+)?")
_PCI = re.compile(r"pcie?\.(\d{1,4})")

#: The types of buses that are called after these, by the beginning of the name (``hw/core/bus.c``: a bus without a name
#: of its own has that of its type in small letters).
_TYPES = {"isa": "ISA", "ide": "IDE", "usb-bus": "usb-bus", "scsi": "SCSI", "floppy-bus": "floppy-bus"}
_TYPED = re.compile(rf"({'|'.join(_TYPES)})[.]\d{{1,4}}")

#: Devices of which no bus is called after id and number (``hw/sd/sdhci.c``; ``nvme`` and ``ufs`` by the id alone).
_NAMED_OTHERWISE = CALLED_BY_ID | {"sdhci-pci"}

#: How many names are compared for a hint.
_MOST_NAMES = 200

#: How many functions a slot of a PCI bus has.
_FUNCTIONS = 8

#: Kinds of drives that come without a PCI device.
_WITHOUT_DEVICES = ("none", "ide", "floppy", "pflash", "sd", "mtd")

#: What puts devices of its own on the root bus, and nobody follows.
_WITH_DEVICES = {"-usbdevice", "-soundhw", "-watchdog", "-audio"}

#: As ``sscanf`` reads two numbers with base 16.
_ADDRESS = re.compile(r"\s*\+?(?:0[xX])?0{0,15}([0-9a-fA-F]{1,2})(?:\.\s*\+?(?:0[xX])?0{0,15}([0-7]))?")


@dataclass
class _Buses:
    """What is known of the machine's buses after the devices so far."""

    line: Line
    bridges: set[str] = field(default_factory=set)
    #: How many numbered buses the device of an id has, and of which type; an empty type where that is not known.
    others: dict[str, Makes] = field(default_factory=dict)
    #: The ids of devices whose bus is called just by the id.
    by_id: set[str] = field(default_factory=set)
    root: str = ""
    #: Whether there is something that may have taken a slot of the root bus, or not.
    is_unsure: bool = False
    #: The devices to which QEMU gives slots itself.
    chosen: dict[tuple[str, int], Made] = field(default_factory=dict)
    #: The types of buses that devices have made, under whatever name; an empty one stands for any.
    types: set[str] = field(default_factory=set)
    #: The types of those, in small letters, that devices without an id have made.
    nameless: Counter[str] = field(default_factory=Counter)
    hints_left: int = 20
    nameless_bridges: int = 0
    #: Function by function, whether it said that it is one of several; None for what the machine has itself.
    slots: dict[str, dict[int, dict[int, bool | None]]] = field(default_factory=dict)

    @property
    def is_exact(self) -> bool:
        """Whether it is known which slots of the root bus QEMU gives to devices without an address."""
        return not self.is_unsure and _is_exact(self.line)

    def has_type(self, wanted: str) -> bool:
        """Whether there may be a bus of a type."""
        return not {"", wanted}.isdisjoint(self.types | _of_machine(self.line))

    def is_there(self, bus: str) -> bool:
        """Whether there may be such a bus."""
        if bus in self.bridges or bus in self.by_id or "/" in bus or self.named(bus) is not None:
            return True
        pci = _PCI.fullmatch(bus)
        if pci:
            return self.line.family.root is None or int(pci.group(1)) < self.nameless_bridges
        of_device = _OF_DEVICES.fullmatch(bus)
        if of_device is not None and (self.nameless[""] or self.nameless[of_device[1].lower()]):
            return True
        counted = _COUNTED.fullmatch(bus)
        if counted is not None and not self.nameless[""]:
            return self._has_counted(counted[1], int(counted[2]))
        return bool(_UNNAMED.fullmatch(bus))

    def _has_counted(self, name: str, number: int) -> bool:
        """Whether there is a bus of this number, of those that are named after their type."""
        if name == "scsi":
            return number < self.nameless[name] or "scsi" in self.line.values("-drive", "if")
        own = self.line.family.ide[0] if self.line.family.ide is not None else 0
        if self.line.kind == "q35" and switch(self.line.machine_value("sata")) is False:
            own = 0
        return number < own + self.nameless[name]

    def named(self, bus: str) -> Makes | None:
        """The buses of which this is one, where a device with an id has made it."""
        name, dot, number = bus.rpartition(".")
        makes = self.others.get(name)
        if makes is None or not dot or not number.isdecimal() or len(number) > 2 or int(number) >= makes.number:
            return None
        return makes

    def type_of(self, bus: str) -> str:
        """The type of a bus that is there; empty where that is not known."""
        if bus in self.bridges or _PCI.fullmatch(bus):
            return "PCI"
        makes, typed = self.named(bus), _TYPED.fullmatch(bus)
        if makes is not None:
            return makes.bus
        return _TYPES[typed[1]] if typed is not None else ""

    def nearest(self, bus: str) -> list[str]:
        """The bus that may have been meant; for the first few only, as each looks at all names."""
        self.hints_left -= 1
        if self.hints_left < 0:
            return []
        numbered = (f"{name}.0" for name, makes in self.others.items() if makes.number)
        return get_close_matches(bus[:64], sorted(self.bridges.union(numbered))[:_MOST_NAMES], n=1)

    def add(self, device: Made) -> None:
        """The buses of a device that was made."""
        is_bridge, makes, ident = device.type.is_bridge, device.type.makes, device.id
        if not ident:
            self.nameless_bridges += is_bridge
        elif is_bridge:
            self.bridges.add(ident)
        if makes.number and "masterbus" in device.values:
            makes = NO_BUSES
        if makes.number:
            self.types.add(makes.bus)
            if not ident:
                self.nameless[makes.bus.lower()] += makes.number
        if ident:
            self.others[ident] = NO_BUSES if device.typename in _NAMED_OTHERWISE else makes
            if device.typename in CALLED_BY_ID:
                self.by_id.add(ident)


def check_buses(line: Line) -> list[Finding]:
    """Buses that are not there when a device wants them, and PCI slots that are taken.

    Nothing is said of a machine whose own buses are not known, or where a file has further options.
    """
    if line.kind == "other" or line.is_open:
        return []
    buses = _Buses(line)
    root = line.family.root
    if root is not None:
        buses.root = root.name
        buses.bridges.add(root.name)
        buses.slots[root.name] = own_slots.occupied(root, line)
    found: list[Finding | None] = []
    for device in line.devices:
        if device.bus in buses.bridges and device.type.is_pci and "masterbus" not in device.values:
            # Most devices: nothing but the slot can be wrong.
            found.append(_slot(device, device.bus, buses))
        else:
            found += _device(device, buses)
        buses.add(device)
    return [finding for finding in found if finding is not None]


def _device(device: Made, buses: _Buses) -> list[Finding | None]:
    bus = device.bus
    master = device.values.get("masterbus")
    if isinstance(master, str) and not buses.is_there(master):
        bus = master
    if not bus or buses.is_there(bus):
        return [_fitting(device, buses), _slot(device, bus or buses.root, buses)]
    near = buses.nearest(bus)
    return [
        Finding(
            kind=Kind.error,
            place=device.place,
            part="bus",
            message=f"there is no bus {bus!r} when this device is made",
            hint=did_you_mean(near) or "a device with a bus stands before those that are on it",
            rule="line/bus",
        )
    ]


def _fitting(device: Made, buses: _Buses) -> Finding | None:
    """A bus of another type than the device's; or none of it, where the device names none."""
    wanted = device.type.sits_on
    if not wanted:
        return None
    there = buses.type_of(device.bus) if device.bus else ""
    if there not in ("", wanted):
        return Finding(
            kind=Kind.error,
            place=device.place,
            part="bus",
            message=f"{device.typename} goes on a bus of type {wanted}, and {device.bus} is of type {there}",
            rule="line/bus-type",
        )
    if not device.bus and _is_without(wanted, buses.line):
        return Finding(
            kind=Kind.error,
            place=device.place,
            part="bus",
            message=f"a machine of the kind {buses.line.kind} has no bus of type {wanted} for {device.typename}",
            hint=_with_pci(buses.line) if wanted == "PCI" else "",
            rule="line/bus-type",
        )
    has_no_disks = buses.line.family.ide is not None and not buses.line.family.ide[0]
    of_devices = wanted in OF_DEVICES or (wanted == "IDE" and has_no_disks)
    if not device.bus and of_devices and not buses.has_type(wanted):
        return Finding(
            kind=Kind.error,
            place=device.place,
            part="bus",
            message=f"there is no bus of type {wanted} when this {device.typename} is made",
            hint="a device with a bus stands before those that are on it",
            rule="line/bus-type",
        )
    return None


def _with_pci(line: Line) -> str:
    """How such a machine comes by PCI, as a hint."""
    switch_of = line.family.pci_switch
    return f"{line.kind} has PCI with -machine {line.kind},{switch_of}=on" if switch_of else ""


def _is_without(wanted: str, line: Line) -> bool:
    """Whether the machine has no bus of this type at all."""
    return (wanted == "PCI" and line.has_pci is False) or wanted in line.family.without_buses


@kept_by_line
def _is_exact(line: Line) -> bool:
    """Whether the machine's own devices on its root bus are known, and all others are ``-device``'s.

    A pxb is a root bus of its own, on which QEMU may then put what names no bus.
    """
    return (
        line.family.root is not None
        and own_slots.cards_of(line) is not None
        and not line.plain.keys() & _WITH_DEVICES
        and "-virtfs" not in line.keyval
        and all(str(value) in _WITHOUT_DEVICES for value in line.values("-drive", "if"))
        and not any(typename.startswith("pxb") for typename in line.by_type)
    )


@kept_by_line
def _of_machine(line: Line) -> set[str]:
    """The types of buses that a machine has itself, or may have for what it is told to have besides."""
    found = {*line.family.own_buses}
    ifs = {str(value) for value in line.values("-drive", "if")} | {"ide" for _ in line.keyval.get("-drive", ())}
    if "floppy" in ifs or line.plain.keys() & {"-fda", "-fdb"}:
        found.add("floppy-bus")
    # With the default devices there is no USB either (5.2 to 11.1, pc, q35 and pc-i440fx-2.1).
    if line.machine_value("usb") is not None or line.plain.keys() & {"-usb", "-usbdevice"}:
        found.add("usb-bus")
    if "scsi" in ifs:
        found.add("SCSI")
    if line.accelerator != "tcg":
        found.add("xen-bus")  # KVM may be Xen to a guest (``hw/i386/pc.c``, ``pc_basic_device_init``)
    return found


def _slot(device: Made, bus: str, buses: _Buses) -> Finding | None:
    if bus not in buses.bridges:
        return None
    address = _address(device.values.get("addr"))
    if address is None and (bus != buses.root or not buses.is_exact):
        return None
    if not device.type.is_pci:
        buses.is_unsure |= device.type.may_be_pci
        return None
    slots = buses.slots.setdefault(bus, {})
    if address is None:
        slot = own_slots.first_free(slots)
        if slot == own_slots.SLOTS:
            return _full(device, bus)
        buses.chosen[bus, slot] = device
        address = slot, 0
    slot, function = address
    several = _is_one_of_several(device, buses.line)
    taken = slots.setdefault(slot, {})
    problem = _problem(function, several, taken) if taken else ""
    taken.setdefault(function, several)
    if not problem:
        return None
    other = buses.chosen.get((bus, slot))
    if other is not None and other is not device:
        message = f"{other.typename} has no addr and is made first, so it gets slot {slot:#x} of {bus}, which is for "
        return _no_slot(other, message + (device.id or device.typename), "give it an addr")
    message = f"slot {slot:#x} function {function} of {bus} cannot be had: {problem}"
    return _no_slot(device, message, "give another addr")


def _is_one_of_several(device: Made, line: Line) -> bool:
    """Whether it says that other functions of its slot are there, or something else may say so."""
    said = device.values.get("multifunction")
    return (said is not None and switch(said) is True) or "multifunction" in line.globals


def _no_slot(device: Made, message: str, hint: str) -> Finding:
    return Finding(kind=Kind.error, place=device.place, part="addr", message=message, hint=hint, rule="line/pci-slot")


def _full(device: Made, bus: str) -> Finding:
    return Finding(
        kind=Kind.error,
        place=device.place,
        part="bus",
        message=f"all {own_slots.SLOTS} slots of {bus} are taken when this {device.typename} is made",
        hint="put devices behind bridges or ports, or several in one slot with multifunction=on",
        rule="line/pci-slot",
    )


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
    if isinstance(value, str):
        return _written(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return divmod(value, _FUNCTIONS) if 0 <= value < 256 else None
    return None


@lru_cache(maxsize=256)
def _written(text: str) -> tuple[int, int] | None:
    match = _ADDRESS.fullmatch(text)
    return (int(match.group(1), 16), int(match.group(2) or "0")) if match is not None else None
