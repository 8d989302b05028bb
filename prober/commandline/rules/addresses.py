"""Places on buses without PCI: SCSI and IDE units, floppy drives, USB ports; each for one device."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prober.commandline.bus_types import MAKES
from prober.commandline.line import Line, number, value_of
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

#: Buses that a machine has for IDE, and how many units each has (``hw/ide/piix.c``, ``hw/ide/ahci.c``).
_MACHINES_IDE = re.compile(r"ide\.\d")
_UNITS = {"pc": 2, "q35": 1}

#: How many drives a floppy controller has (``hw/block/fdc.c``, ``MAX_FD``).
_FLOPPIES = 2

#: Options whose drives QEMU puts on the machine's own buses.
_OWN_DRIVES = {"-hda", "-hdb", "-hdc", "-hdd", "-cdrom", "-fda", "-fdb"}


def _scsi(line: Line) -> Iterator[Fault]:
    taken: set[tuple[str, int, int, int]] = set()
    #: Of each target, a unit below which none is free.
    free: dict[tuple[str, int, int], int] = {}
    for device in line.derived_from("scsi-device"):
        target = number(device.values.get("scsi-id"))
        if target is None or target < 0 or not device.bus:
            continue
        channel = number(device.values.get("channel", 0))
        lun = number(device.values.get("lun", -1))
        if channel is None or lun is None:
            return
        home = (device.bus, channel, target)
        if lun < 0:
            lun = free.get(home, 0)
            while (*home, lun) in taken:
                lun += 1
            free[home] = lun
        place = (*home, lun)
        if place in taken:
            message = f"unit {lun} of target {target} (channel {channel}) of {device.bus} is taken"
            yield Fault(device.place, "lun", message)
        taken.add(place)


def _ide(line: Line) -> Iterator[Fault]:
    own = line.plain.keys() & _OWN_DRIVES or any(
        str(value_of(option.pairs, "if", "ide")) == "ide" for option in line.keyval.get("-drive", ())
    )
    if own or "-nodefaults" not in line.plain:
        return
    taken: set[tuple[str, int]] = set()
    for device in line.derived_from("ide-device"):
        if not device.bus:
            continue
        units = _room(device.bus, line)
        unit = number(device.values.get("unit", -1))
        if unit is None or not units:
            return
        if unit < 0:
            unit = 1 if (device.bus, 0) in taken else 0
        if unit >= units:
            message = f"{device.bus} has {units} unit{'s' * (units > 1)}, and no unit {unit}"
            yield Fault(device.place, "unit", message)
        elif (device.bus, unit) in taken:
            yield Fault(device.place, "unit", f"unit {unit} of {device.bus} is taken")
        taken.add((device.bus, unit))


def _room(bus: str, line: Line) -> int:
    """How many devices a bus has room for; 0 where that is not known."""
    if _MACHINES_IDE.fullmatch(bus):
        return _UNITS.get(line.kind, 0)
    home = line.device(bus.rpartition(".")[0])
    makes = next((MAKES[name] for name in home.type.lineage if name in MAKES), None) if home else None
    return makes.room if makes is not None else 0


def _floppies(line: Line) -> Iterator[Fault]:
    taken: set[tuple[str, int]] = set()
    for device in line.of_type("floppy"):
        unit = number(device.values.get("unit"))
        if unit is None or unit < 0:
            continue
        if unit >= _FLOPPIES:
            yield Fault(device.place, "unit", f"a floppy controller has {_FLOPPIES} units, and no unit {unit}")
        elif (device.bus, unit) in taken:
            yield Fault(device.place, "unit", f"floppy unit {unit} is taken")
        taken.add((device.bus, unit))


def _usb(line: Line) -> Iterator[Fault]:
    taken: set[tuple[str, str]] = set()
    hubs = {(device.bus, str(device.values.get("port", ""))) for device in line.of_type("usb-hub")}
    # A hub whose own port QEMU chooses may be anywhere.
    is_open = any(not port or not bus for bus, port in hubs)
    for device in line.derived_from("usb-device"):
        port = device.values.get("port")
        if not device.bus or not isinstance(port, str):
            continue
        if (device.bus, port) in taken:
            yield Fault(device.place, "port", f"port {port} of {device.bus} is taken")
        taken.add((device.bus, port))
        hub, dot, _ = port.rpartition(".")
        if dot and (device.bus, hub) not in hubs and not is_open:
            yield Fault(device.place, "port", f"there is no hub at port {hub} of {device.bus}")


RULES = (
    Rule(
        "line/scsi-unit",
        "a SCSI unit is given once on its bus",
        "hw/scsi/scsi-bus.c, scsi_bus_check_address and scsi_qdev_realize",
        _scsi,
        about=("scsi-device",),
    ),
    Rule(
        "line/ide-unit",
        "an IDE unit is there, and given once",
        "hw/ide/ide-dev.c, ide_qdev_realize",
        _ide,
        about=("ide-device",),
    ),
    Rule(
        "line/floppy-unit",
        "a floppy unit is there, and given once",
        "hw/block/fdc.c, floppy_drive_realize",
        _floppies,
        about=("floppy",),
    ),
    Rule(
        "line/usb-port",
        "a USB port is given once, and the hub that it is of is there",
        "hw/usb/bus.c, usb_claim_port",
        _usb,
        about=("usb-device",),
    ),
)
