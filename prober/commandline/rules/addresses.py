"""Places on buses without PCI: SCSI and IDE units, floppy drives, USB ports; each for one device."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prober.commandline.bus_types import MAKES
from prober.commandline.drives import IDE_ROOM, own_drives
from prober.commandline.line import Line, number
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

#: Buses that a machine has for IDE.
_MACHINES_IDE = re.compile(r"ide\.\d")

#: How many drives a floppy controller has (``hw/block/fdc.c``, ``MAX_FD``).
_FLOPPIES = 2

#: What a machine's own floppy controller calls its bus.
_FLOPPY_BUS = "floppy-bus.0"

#: Devices of which any keeps QEMU from adding a CD-ROM drive of its own (``system/vl.c``, ``default_list``).
_NO_DEFAULT_CDROM = ("ide-hd", "ide-cd", "scsi-hd", "scsi-cd")


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
        return IDE_ROOM.get(line.kind, (0, 0))[1]
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
    Rule(
        "line/usb-port",
        "a USB port is given once, and the hub that it is of is there",
        "hw/usb/bus.c, usb_claim_port",
        _usb,
        about=("usb-device",),
        wrong=(
            "-display none -M pc -nodefaults -device qemu-xhci,id=x -device usb-kbd,bus=x.0,port=1 "
            "-device usb-tablet,bus=x.0,port=1"
        ),
        right=(
            "-display none -M pc -nodefaults -device qemu-xhci,id=x -device usb-kbd,bus=x.0,port=1 "
            "-device usb-tablet,bus=x.0,port=2"
        ),
    ),
)
