"""USB ports: given ones checked, the others dealt out as libvirt does (11.3, ``qemuDomainAssignUSBAddresses``).

A port is a path: ``1.2`` is the second port of the hub on the controller's first.  Hubs are added where the ports
do not suffice.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from prober.commandline.refusal import Refusal
from prober.devices.controller import UsbController
from prober.devices.hub import PORTS, Hub
from prober.devices.rows import row_of
from prober.domain.domain import Domain
from prober.domain.shared.address import UsbAddress
from prober.domain.shared.device import Device
from prober.domain.steps import Completion
from prober.guest.addresses.full import PortError
from prober.host.target import Target

#: How many hubs may stand in a row, and the port behind them (``VIR_DOMAIN_DEVICE_USB_MAX_PORT_DEPTH``).
_DEPTH = 4


#: A port: the number on the controller, then on each hub.
PortPath: TypeAlias = tuple[int, ...]


@dataclass
class _Ports:
    """The ports of one controller or hub, from 1 on: which are taken, and the hubs on them."""

    count: int
    taken: set[int] = field(default_factory=set)
    hubs: dict[int, _Ports] = field(default_factory=dict)
    #: No port was free here or below, and none is given back; another hub may bring some.
    is_full: bool = False

    def free_path(self, level: int = 0) -> PortPath | None:
        """The first free port, on this level before those below."""
        if self.is_full:
            return None
        free = next((port for port in range(1, self.count + 1) if port not in self.taken), None)
        if free is not None:
            return (free,)
        for port in sorted(self.hubs) if level < _DEPTH - 1 else ():
            below = self.hubs[port].free_path(level + 1)
            if below is not None:
                return port, *below
        self.is_full = True
        return None


class UsbPorts:
    """The ports of all controllers, by their index; ``counts`` says how many each has."""

    def __init__(self, counts: Mapping[int, int]) -> None:
        self._buses = {bus: _Ports(count) for bus, count in sorted(counts.items())}

    def find(self, wanted: int | None = None) -> tuple[int, PortPath]:
        """The first free port, of one controller or of any; does not take it.

        :raise PortError: where there is none.
        """
        if wanted is not None and wanted not in self._buses:
            raise PortError(f"there is no USB controller with index {wanted}")
        for bus in self._buses if wanted is None else (wanted,):
            path = self._buses[bus].free_path()
            if path is not None:
                return bus, path
        raise PortError("no USB port is free")

    def take(self, bus: int, path: PortPath, *, is_hub: bool = False) -> None:
        """Take one port, for a device or a hub.

        :raise PortError: where it is not there, or taken.
        """
        if bus not in self._buses:
            raise PortError(f"there is no USB controller with index {bus}")
        ports = self._buses[bus]
        way = [ports]
        text = ".".join(map(str, path))
        for number in path[:-1]:
            if number > ports.count:
                raise PortError(f"USB port {text} of controller {bus} is out of range: there are {ports.count} ports")
            if number not in ports.hubs:
                raise PortError(f"USB port {text} of controller {bus} needs a hub at port {number}, and there is none")
            ports = ports.hubs[number]
            way.append(ports)
        last = path[-1]
        if last > ports.count:
            raise PortError(f"there is no USB port {text} on controller {bus}: there are {ports.count} ports")
        if last in ports.taken:
            raise PortError(f"USB port {text} of controller {bus} is used twice")
        ports.taken.add(last)
        if is_hub:
            ports.hubs[last] = _Ports(PORTS)
            for step in way:
                step.is_full = False


def assign_usb(domain: Domain, target: Target) -> Completion:
    """The domain, each of its USB devices on a port, and the hubs that this took."""
    wanting = [device for device in domain.devices.with_own("is_usb") if device.is_usb]
    if not wanting or not target.is_understood:
        return domain
    controllers = domain.devices.of(UsbController)
    if not _has_usb(controllers):
        add, remove = "add a <controller type='usb'/>", "take the <controller type='usb' model='none'/> out"
        hint = "" if not target.has_pci else remove if controllers else add
        for device in wanting:
            message = f"this <{device.element}> sits on USB, and the domain has none"
            yield Refusal(place=device.place(), message=message, hint=hint)
        return domain
    counts = [(controller.number, controller.ports_count) for controller in controllers]
    added = _missing_hubs(wanting, sum(count for _, count in counts))
    # Companions have no ports of their own.
    ports = UsbPorts({number: count for number, count in counts if count})
    assigned: dict[int, Device] = {}
    for device in sorted((*wanting, *added), key=_turn):
        assigned[id(device)] = yield from _assign(device, ports)
    return domain.with_devices([assigned.get(id(device), device) for device in (*domain.devices.every, *added)])


def _has_usb(controllers: Iterable[UsbController]) -> bool:
    """One controller of model none, whatever its index, takes USB from the domain (``virDomainDefParseXML``)."""
    models = {controller.model for controller in controllers}
    return bool(models) and "none" not in models


def _missing_hubs(wanting: Sequence[Device], ports: int) -> list[Hub]:
    """As many hubs as it takes beside these ports of controllers, each of which takes a port itself
    (``qemuDomainUSBAddressAddHubs``)."""
    ports += PORTS * sum(isinstance(device, Hub) for device in wanting)
    if len(wanting) <= ports:
        return []
    count = -(-(len(wanting) - ports + 1) // (PORTS - 1))
    return [Hub(type="usb") for _ in range(count)]


def _turn(device: Device) -> tuple[bool, bool, int]:
    """libvirt's order: hubs with a port, devices with a port, other hubs, other devices."""
    return not _has_port(device), not isinstance(device, Hub), row_of(type(device)).scan


def _has_port(device: Device) -> bool:
    address = getattr(device, "address", None)
    return isinstance(address, UsbAddress) and address.port is not None


def _assign(device: Device, ports: UsbPorts) -> Generator[Refusal, None, Device]:
    """The device on its port, or as it is where that cannot be had."""
    address = getattr(device, "address", None)
    if address is not None and not isinstance(address, UsbAddress):
        return device
    try:
        if address is not None and address.port is not None:
            ports.take(address.bus, _path(address.port), is_hub=isinstance(device, Hub))
            return device
        bus, path = ports.find(address.bus if address is not None else None)
        ports.take(bus, path, is_hub=isinstance(device, Hub))
    except PortError as error:
        yield error.at("address").at(device.place)
        return device
    return device.replace(address=UsbAddress(bus=bus, port=".".join(map(str, path))))


def _path(port: str) -> PortPath:
    return tuple(int(number) for number in port.split("."))
