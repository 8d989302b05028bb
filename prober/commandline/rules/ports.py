"""Ports of a virtio-serial bus and of USB companions, and the heads of a display."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from prober.commandline.line import Line, Made, number
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

#: The bus of the first virtio-serial device that has no id.
_FIRST_BUS = "virtio-serial-bus.0"

_PORTS = ("virtserialport", "virtconsole")

#: The number that stands for none (``hw/char/virtio-serial-bus.c``, ``VIRTIO_CONSOLE_BAD_ID``).
_NONE = 2**32 - 1

#: How many ports a virtio-serial device has where nothing is said.
_MOST_PORTS = 31

#: UHCI controllers that may share the ports of an EHCI, how many ports each has, and how many the EHCI.
_COMPANIONS = ("ich9-usb-uhci1", "ich9-usb-uhci2", "ich9-usb-uhci3", "ich9-usb-uhci4", "ich9-usb-uhci5",
               "ich9-usb-uhci6", "piix3-usb-uhci", "piix4-usb-uhci", "vt82c686b-usb-uhci")  # fmt: skip
_UHCI_PORTS, _EHCI_PORTS = 2, 6


@dataclass
class _Ports:
    """The ports of a bus that are taken; none from 1 to ``free`` is free."""

    taken: set[int] = field(default_factory=set)
    free: int = 1

    def first_free(self) -> int:
        """The first from 1 on."""
        while self.free in self.taken:
            self.free += 1
        return self.free


def _serial(line: Line) -> Iterator[Fault]:
    buses: dict[str, _Ports] = {}
    names: set[str] = set()
    homes = _homes(line)
    only = _only_bus(homes)
    for device in line.devices:
        if device.typename not in _PORTS:
            continue
        yield from _port_name(device, names)
        bus = device.bus or only
        if not bus:
            continue  # QEMU chooses
        ports = buses.setdefault(bus, _Ports())
        port = _number_of(device, ports)
        if port is None:
            return
        yield from _port_number(device, port, ports.taken, bus, _most_ports(bus, homes, line))


def _only_bus(homes: list[Made]) -> str:
    """The bus that a port is on without saying so: that of the only virtio-serial device."""
    return (f"{homes[0].id}.0" if homes[0].id else _FIRST_BUS) if len(homes) == 1 else ""


def _homes(line: Line) -> list[Made]:
    return [device for name, devices in line.by_type.items() if name.startswith("virtio-serial") for device in devices]


def _port_name(device: Made, names: set[str]) -> Iterator[Fault]:
    name = device.values.get("name")
    if isinstance(name, str):
        if name in names:
            yield Fault(device.place, "name", f"there is a port with the name {name!r} already")
        names.add(name)


def _port_number(device: Made, port: int, taken: set[int], bus: str, most: int) -> Iterator[Fault]:
    if port in taken:
        yield Fault(device.place, "nr", f"port {port} of {bus} is taken")
    taken.add(port)
    if not port and device.typename != "virtconsole":
        yield Fault(device.place, "nr", f"port 0 of {bus} is for a virtconsole", "ports have numbers from 1 on")
    if port >= most:
        yield Fault(device.place, "nr", f"{bus} has {most} ports, and no port {port}")


def _number_of(device: Made, ports: _Ports) -> int | None:
    """The number of a port; without one a first console is 0, and any other the first that is free from 1 on."""
    said = number(device.values.get("nr", _NONE))
    if said is None or said % 2**32 != _NONE:
        return said
    if device.typename == "virtconsole" and 0 not in ports.taken:
        return 0
    return ports.first_free()


def _most_ports(bus: str, homes: list[Made], line: Line) -> int:
    ident = bus.removesuffix(".0")
    home = line.device(ident) if bus != _FIRST_BUS or len(homes) != 1 else homes[0]
    if home is None or "max_ports" in line.globals:
        return 1 << 32
    return number(home.values.get("max_ports", _MOST_PORTS)) or 1 << 32


def _companions(line: Line) -> Iterator[Fault]:
    if "masterbus" not in line.properties:
        return
    taken: dict[str, set[int]] = {}
    for device in line.devices:
        master = device.values.get("masterbus")
        first = number(device.values.get("firstport", 0))
        if device.typename not in _COMPANIONS or not isinstance(master, str) or first is None:
            continue
        ports = set(range(first, first + _UHCI_PORTS))
        if first + _UHCI_PORTS > _EHCI_PORTS:
            yield Fault(device.place, "firstport", f"firstport is from 0 to {_EHCI_PORTS - _UHCI_PORTS}, not {first}")
        elif ports & taken.setdefault(master, set()):
            message = f"port {min(ports & taken[master])} of {master} has another companion"
            yield Fault(device.place, "firstport", message, "give each companion a firstport of its own")
        taken.setdefault(master, set()).update(ports)


#: Devices that show a picture; those behind D-Bus or vhost-user do as well.
_DISPLAYS = ("VGA", "ati-vga", "bochs-display", "cirrus-vga", "qxl", "qxl-vga", "ramfb", "secondary-vga", "virtio-gpu",
             "virtio-vga", "vhost-user-gpu", "vhost-user-vga", "vmware-svga", "isa-vga", "isa-cirrus-vga")  # fmt: skip


def _primary(line: Line) -> Iterator[Fault]:
    if "qxl-vga" not in line.by_type:
        return
    before: Made | None = None
    for device in line.devices:
        if device.typename == "qxl-vga" and before is not None:
            message = f"qxl-vga is the first display device, and {before.typename} is made before it"
            yield Fault(device.place, "driver", message, "QEMU makes devices in key=value form before those in JSON")
        if before is None and device.typename.startswith(_DISPLAYS):
            before = device


RULES = (
    Rule(
        "line/virtio-serial-port",
        "a port of virtio-serial is there, and its number and name given once",
        "hw/char/virtio-serial-bus.c, virtser_port_device_realize",
        _serial,
        about=_PORTS,
        wrong=(
            "-display none -M pc -nodefaults -device virtio-serial-pci,id=v,max_ports=4 -device "
            "virtserialport,bus=v.0,nr=4"
        ),
        right=(
            "-display none -M pc -nodefaults -device virtio-serial-pci,id=v,max_ports=4 -device "
            "virtserialport,bus=v.0,nr=3"
        ),
    ),
    Rule(
        "line/usb-companion",
        "a USB companion has ports of its own",
        "hw/usb/hcd-ehci.c, ehci_register_companion",
        _companions,
        about=("masterbus",),
        wrong=(
            "-display none -M q35 -nodefaults -device ich9-usb-ehci1,id=e -device "
            "ich9-usb-uhci1,masterbus=e.0 -device ich9-usb-uhci2,masterbus=e.0"
        ),
        right=(
            "-display none -M q35 -nodefaults -device ich9-usb-ehci1,id=e -device "
            "ich9-usb-uhci1,masterbus=e.0 -device ich9-usb-uhci2,masterbus=e.0,firstport=2"
        ),
    ),
    Rule(
        "line/qxl-vga",
        "`qxl-vga` is the first display device",
        "hw/display/qxl.c, qxl_realize_primary",
        _primary,
        about=("qxl-vga",),
        wrong="-display none -M pc -nodefaults -device cirrus-vga -device qxl-vga",
        right="-display none -M pc -nodefaults -device qxl-vga",
    ),
)
