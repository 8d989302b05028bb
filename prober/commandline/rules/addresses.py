"""Places on buses without PCI: SCSI and IDE units, floppy drives; each for one device."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from prober.commandline.bus_types import MAKES
from prober.commandline.drives import own_drives
from prober.commandline.line import Line, Made, number
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

#: Buses that a machine has for IDE.
_MACHINES_IDE = re.compile(r"ide\.\d")

#: How many drives a floppy controller has (``hw/block/fdc.c``, ``MAX_FD``).
_FLOPPIES = 2

#: A number of 32 bits that stands for one that QEMU chooses.
_ANY = 2**32 - 1

#: What a machine's own floppy controller calls its bus.
_FLOPPY_BUS = "floppy-bus.0"

#: Devices of which any keeps QEMU from adding a CD-ROM drive of its own (``system/vl.c``, ``default_list``).
_NO_DEFAULT_CDROM = ("ide-hd", "ide-cd", "scsi-hd", "scsi-cd")


#: The last target and the last unit of each SCSI bus, by what makes it (``max_target`` and ``max_lun`` of the
#: controller's ``SCSIBusInfo``, ``hw/scsi/*.c``, ``hw/usb/dev-storage*.c``, ``dev-uas.c``); all have channel 0 alone.
_SCSI_LAST: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "lsi53c895a": (7, 0),
        "lsi53c810": (7, 0),
        "megasas-base": (64, 255),
        "mptsas1068": (8, 1),
        "pvscsi": (64, 0),
        "am53c974": (7, 7),
        "virtio-scsi-pci": (255, 16383),
        "virtio-scsi-pci-base": (255, 16383),
        "usb-storage": (0, 0),
        "usb-bot": (0, 15),
        "usb-uas": (0, 255),
    }
)


def home_of(device: Made, bus: str, line: Line) -> Made | None:
    """The device that makes the bus on which another is; of one that names none, the only one on the line."""
    if device.bus:
        return line.device(device.bus.rpartition(".")[0])
    homes = [other for other in line.devices if other.type.makes.bus == bus]
    return homes[0] if len(homes) == 1 else None


def _last_of(home: Made | None) -> tuple[int, int] | None:
    """The last target and unit of a controller, where it is one of which they are known."""
    return next((_SCSI_LAST[name] for name in home.type.lineage if name in _SCSI_LAST), None) if home else None


def _scsi_bounds(line: Line) -> Iterator[Fault]:
    for device in line.derived_from("scsi-device"):
        channel, target, unit = (number(device.values.get(key, -1)) for key in ("channel", "scsi-id", "lun"))
        if channel is not None and channel > 0:
            yield Fault(device.place, "channel", f"a SCSI bus has channel 0, and no channel {channel}")
        if max(target or 0, unit or 0) <= 0 or (not device.bus and "scsi" in line.values("-drive", "if")):
            continue  # a machine's own controller may be the first
        home = home_of(device, "SCSI", line)
        last = _last_of(home)
        if home is None or last is None:
            continue
        bounds = (("scsi-id", "target", target, last[0]), ("lun", "unit of a target", unit, last[1]))
        for key, what, given, most in bounds:
            if given is not None and most < given != _ANY:
                yield Fault(device.place, key, f"the last {what} of a {home.typename} is {most}, not {given}")


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
    if "-nodefaults" not in line.plain and not any(True for _ in line.of_type(*_NO_DEFAULT_CDROM)):
        return
    # The machine's own disks are made before any device.
    taken = {(f"ide.{drive.bus}", drive.unit): drive.word for drive in own_drives(line, "ide")}
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
            if device.values.get("unit") is None and (by := taken.get((device.bus, 0))):
                message = _taken(f"the only unit of {device.bus}", by)
            yield Fault(device.place, "unit", message)
        elif (device.bus, unit) in taken:
            yield Fault(device.place, "unit", _taken(f"unit {unit} of {device.bus}", taken[device.bus, unit]))
        taken.setdefault((device.bus, unit), "")


def _taken(what: str, by: str) -> str:
    """That a place is taken, by which drive where it is one of the machine's own."""
    return f"{what} is taken by {by.rstrip(',')}" if by else f"{what} is taken"


def _room(bus: str, line: Line) -> int:
    """How many devices a bus has room for; 0 where that is not known."""
    if _MACHINES_IDE.fullmatch(bus):
        return (line.family.ide or (0, 0))[1]
    home = line.device(bus.rpartition(".")[0])
    makes = next((MAKES[name] for name in home.type.lineage if name in MAKES), None) if home else None
    return makes.room if makes is not None else 0


def _floppies(line: Line) -> Iterator[Fault]:
    taken = {(_FLOPPY_BUS, drive.unit): drive.word for drive in own_drives(line, "floppy")}
    # Without another controller a device that names no bus goes on the machine's own.
    nameless = "" if line.by_type.get("isa-fdc") else _FLOPPY_BUS
    for device in line.of_type("floppy"):
        bus = device.bus or nameless
        unit = number(device.values.get("unit"))
        if unit is None or unit < 0:
            continue
        if unit >= _FLOPPIES:
            yield Fault(device.place, "unit", f"a floppy controller has {_FLOPPIES} units, and no unit {unit}")
        elif (bus, unit) in taken:
            yield Fault(device.place, "unit", _taken(f"floppy unit {unit}", taken[bus, unit]))
        taken.setdefault((bus, unit), "")


_SCSI_LINE = "-display none -blockdev null-co,node-name=n -device lsi53c895a,id=s -device scsi-hd,drive=n,bus=s.0"

RULES = (
    Rule(
        "line/scsi-bounds",
        "a SCSI unit is within its controller's targets and units",
        "hw/scsi/scsi-bus.c, scsi_bus_check_address",
        _scsi_bounds,
        about=("scsi-device",),
        wrong=f"{_SCSI_LINE},scsi-id=8",
        right=f"{_SCSI_LINE},scsi-id=7",
    ),
    Rule(
        "line/scsi-unit",
        "a SCSI unit is given once on its bus",
        "hw/scsi/scsi-bus.c, scsi_bus_check_address and scsi_qdev_realize",
        _scsi,
        about=("scsi-device",),
        wrong=(
            "-display none -M pc -nodefaults -blockdev null-co,node-name=n -blockdev "
            "null-co,node-name=o -device virtio-scsi-pci,id=s -device "
            "scsi-hd,drive=n,bus=s.0,scsi-id=1,lun=0 -device scsi-hd,drive=o,bus=s.0,scsi-id=1,lun=0"
        ),
        right=(
            "-display none -M pc -nodefaults -blockdev null-co,node-name=n -blockdev "
            "null-co,node-name=o -device virtio-scsi-pci,id=s -device "
            "scsi-hd,drive=n,bus=s.0,scsi-id=1,lun=0 -device scsi-hd,drive=o,bus=s.0,scsi-id=1,lun=1"
        ),
    ),
    Rule(
        "line/ide-unit",
        "an IDE unit is there, and given once",
        "hw/ide/ide-dev.c, ide_qdev_realize",
        _ide,
        about=("ide-device",),
        wrong="-display none -M pc -nodefaults -device ide-cd,bus=ide.0,unit=2",
        right="-display none -M pc -nodefaults -device ide-cd,bus=ide.0,unit=1",
    ),
    Rule(
        "line/floppy-unit",
        "a floppy unit is there, and given once",
        "hw/block/fdc.c, floppy_drive_realize",
        _floppies,
        about=("floppy",),
        wrong="-display none -M pc -nodefaults -device floppy,unit=0 -device floppy,unit=0",
        right="-display none -M pc -nodefaults -device floppy,unit=0 -device floppy,unit=1",
    ),
)
