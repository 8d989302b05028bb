"""Places on buses without PCI: SCSI and IDE units, floppy drives, USB ports; each for one device."""

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

#: How many ports a USB hub has (``hw/usb/dev-hub.c``), and how many digits nobody writes of one.
_HUB_PORTS = 8
_DIGITS = 6

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

#: How many ports the root of a USB bus has, by what makes it (``hw/usb/hcd-*.h``).
_ROOT_PORTS: Mapping[str, int] = MappingProxyType({"pci-uhci-usb": 2, "pci-ehci-usb": 6})
_MOST_XHCI_PORTS = 15


def _home(device: Made, bus: str, line: Line) -> Made | None:
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
        home = _home(device, "SCSI", line)
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


def _usb(line: Line) -> Iterator[Fault]:
    taken: set[tuple[str, str]] = set()
    only = _only_usb_bus(line)
    hubs = {(device.bus or only, str(device.values.get("port", ""))) for device in line.of_type("usb-hub")}
    # A hub whose own port QEMU chooses may be anywhere.
    is_open = any(not port or not bus for bus, port in hubs)
    for device in line.derived_from("usb-device"):
        port = device.values.get("port")
        bus = device.bus or only
        if not bus or not isinstance(port, str):
            continue
        if (bus, port) in taken:
            yield Fault(device.place, "port", f"port {port} of {bus} is taken")
        taken.add((bus, port))
        hub, dot, _ = port.rpartition(".")
        if dot and (bus, hub) not in hubs and not is_open:
            yield Fault(device.place, "port", f"there is no hub at port {hub} of {bus}")


def _only_usb_bus(line: Line) -> str:
    """The bus that a USB device is on without saying so, where there is one alone; else an empty text."""
    homes = [device for device in line.devices if device.type.makes.bus == "usb-bus"]
    if line.has_usb or len(homes) != 1:
        return "usb-bus.0" if line.has_usb and not homes else ""
    return f"{homes[0].id}.0" if homes[0].id else "usb-bus.0"


def _usb_bounds(line: Line) -> Iterator[Fault]:
    if "port" not in line.properties or line.globals.intersection(("p2", "p3", "num-ports", "ports")):
        return
    hubs = {(device.bus, str(device.values.get("port"))): device for device in line.of_type("usb-hub")}
    for device in line.derived_from("usb-device"):
        port = device.values.get("port")
        if not isinstance(port, str):
            continue
        above, _, last = port.rpartition(".")
        if above:
            hub = hubs.get((device.bus, above))
            most = number(hub.values.get("ports", _HUB_PORTS)) if hub is not None else None
            of = f"the hub at port {above}"
        else:
            most, of = _root_ports(device, line)
        if most is not None and last.isdecimal() and len(last) < _DIGITS and int(last) > most:
            yield Fault(device.place, "port", f"{of} has {most} ports, and no port {port}")


def _root_ports(device: Made, line: Line) -> tuple[int | None, str]:
    """How many ports the root has on which a device is, and what it is called; None where that is not known."""
    if line.has_usb:
        # A machine's own controller is the first bus; which ports it has depends on the machine.
        if device.bus or line.kind != "pc" or any(other.type.makes.bus == "usb-bus" for other in line.devices):
            home = _home(device, "usb-bus", line) if device.bus else None
        else:
            return _ROOT_PORTS["pci-uhci-usb"], "usb-bus.0"
    else:
        home = _home(device, "usb-bus", line)
    if home is None or "masterbus" in line.properties:
        return None, ""
    return _ports_of(home), f"a {home.typename}"


def _ports_of(home: Made) -> int | None:
    """How many ports a USB controller has; None where that is not known."""
    lineage = home.type.lineage
    if "pci-xhci" in lineage:
        counts = [number(home.values.get(key, 4)) for key in ("p2", "p3")]
        known = [min(count, _MOST_XHCI_PORTS) for count in counts if count is not None]
        return max(known) if len(known) == len(counts) else None
    if "pci-ohci" in lineage:
        return number(home.values.get("num-ports", 3))
    return next((_ROOT_PORTS[name] for name in lineage if name in _ROOT_PORTS), None)


_SCSI_LINE = "-display none -blockdev null-co,node-name=n -device lsi53c895a,id=s -device scsi-hd,drive=n,bus=s.0"
_USB_LINE = "-display none -device qemu-xhci,id=u -device usb-tablet,bus=u.0"

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
        "line/usb-ports",
        "a USB port is one that its hub or its controller has",
        "hw/usb/bus.c, usb_claim_port",
        _usb_bounds,
        about=("usb-device",),
        wrong=f"{_USB_LINE},port=5",
        right=f"{_USB_LINE},port=4",
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
