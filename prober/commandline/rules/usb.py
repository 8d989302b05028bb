"""Ports of USB buses: each is for one device, and one that names none takes the first that is free."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from prober.commandline.line import Line, Made, number
from prober.commandline.refusal import Fault
from prober.commandline.rules.addresses import home_of
from prober.commandline.rules.rule import Rule

#: How many ports a USB hub has (``hw/usb/dev-hub.c``), and how many digits nobody writes of one.
_HUB_PORTS = 8
_DIGITS = 6

#: How many ports the root of a USB bus has, by what makes it (``hw/usb/hcd-*.h``).
_ROOT_PORTS: Mapping[str, int] = MappingProxyType({"pci-uhci-usb": 2, "pci-ehci-usb": 6})
_MOST_XHCI_PORTS = 15

#: More ports than any root has whose devices are followed.
_MANY = 255


def _usb(line: Line) -> Iterator[Fault]:
    taken: set[tuple[str, str]] = set()
    only = _only_usb_bus(line)
    hubs = {(device.bus or only, str(device.values.get("port", ""))) for device in line.of_type("usb-hub")}
    devices = list(line.derived_from("usb-device"))
    # A hub whose own port QEMU chooses may be anywhere, and so may one that it adds for a device that names no port.
    is_open = any("port" not in device.values or not (device.bus or only) for device in devices)
    for device in devices:
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
            home = home_of(device, "usb-bus", line) if device.bus else None
        else:
            return _ROOT_PORTS["pci-uhci-usb"], "usb-bus.0"
    else:
        home = home_of(device, "usb-bus", line)
    if home is None:
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


class _Free:
    """The ports of a bus that are free, in the order in which QEMU gives them away (``usb_claim_port``)."""

    def __init__(self, bus: str, ports: int) -> None:
        self.bus = bus
        self.free = dict.fromkeys(str(port) for port in range(1, ports + 1))
        self.known = set(self.free)
        #: Ports that QEMU chose, and for what.
        self.chosen: dict[str, str] = {}

    def place(self, device: Made) -> str:
        """Give it the port that it names, or the first; and what stands against the one that it names."""
        port = device.values.get("port")
        if not isinstance(port, str):
            self._choose(device)
            return ""
        message = ""
        if port in self.chosen:
            message = f"port {port} of {self.bus} is taken by {self.chosen[port]}"
        elif self.chosen and "." in port and port not in self.known:
            message = f"there is no hub with a port {port} at {self.bus}"
        self._take(port, device)
        return message

    def _take(self, port: str, device: Made) -> None:
        self.free.pop(port, None)
        if device.typename == "usb-hub":  # it brings ports of its own
            self._add_hub(port, number(device.values.get("ports", _HUB_PORTS)) or 0)

    def _choose(self, device: Made) -> None:
        """Take the first, for a device that names none.  A last one gets a hub that nobody asked for."""
        if len(self.free) == 1 and device.typename != "usb-hub":
            port = next(iter(self.free))
            self.chosen[port] = "a hub that QEMU adds"
            del self.free[port]
            self._add_hub(port, _HUB_PORTS)
        if self.free:
            port = next(iter(self.free))
            self.chosen[port] = f"the {device.typename} that names no port"
            self._take(port, device)

    def _add_hub(self, port: str, count: int) -> None:
        ports = [f"{port}.{one}" for one in range(1, min(count, _HUB_PORTS) + 1)]
        self.free.update(dict.fromkeys(ports))
        self.known.update(ports)


def _chosen(line: Line) -> Iterator[Fault]:
    """Ports that are named behind a device for which QEMU has chosen them."""
    if "port" not in line.properties or line.is_open or line.globals.intersection(("p2", "p3", "num-ports", "ports")):
        return
    only, buses = _only_usb_bus(line), dict[str, _Free | None]()
    for device in line.derived_from("usb-device"):
        bus = device.bus or only
        if not bus:
            return  # it may be on any
        if bus not in buses:
            ports = _root_ports(device, line)[0] if device.bus or not line.has_usb else None
            buses[bus] = _Free(bus, ports) if ports is not None and ports <= _MANY else None
        here = buses[bus]
        if here is not None and (message := here.place(device)):
            yield Fault(device.place, "port", message, "name a port for each device, or put this one before it")


_LINE = "-display none -device qemu-xhci,id=u -device usb-tablet,bus=u.0"

RULES = (
    Rule(
        "line/usb-ports",
        "a USB port is one that its hub or its controller has",
        "hw/usb/bus.c, usb_claim_port",
        _usb_bounds,
        about=("usb-device",),
        wrong=f"{_LINE},port=5",
        right=f"{_LINE},port=4",
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
    Rule(
        "line/usb-port-chosen",
        "a USB port is there, and not one that QEMU has chosen for a device before",
        "hw/usb/bus.c, usb_claim_port",
        _chosen,
        about=("usb-device",),
        wrong=f"{_LINE} -device usb-kbd,bus=u.0,port=1",
        right=f"{_LINE} -device usb-kbd,bus=u.0,port=2",
    ),
)
