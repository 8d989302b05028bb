"""Ports of virtio-serial controllers: given ones checked, the others dealt out as libvirt does
(11.3, ``qemuDomainAssignVirtioSerialAddresses``)."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

from prober.commandline.refusal import Refusal
from prober.devices.channel import Channel
from prober.devices.console import Console
from prober.devices.controller import Controller, VirtioSerialController
from prober.devices.controller.order import insert
from prober.devices.controller.virtio_serial import DEFAULT_PORTS
from prober.domain.domain import Domain
from prober.domain.shared.address import VirtioSerialAddress
from prober.domain.steps import Completion
from prober.guest.addresses.full import PortError
from prober.host.target import Target
from prober.xml.binding import Places

#: How many controllers there can be, as their index says.
_CONTROLLERS = 256


class VirtioSerialPorts:
    """Which ports are taken, of which controllers."""

    def __init__(self, counts: dict[int, int]) -> None:
        self._counts = dict(counts)
        self._taken: dict[int, set[int]] = {number: set() for number in counts}
        #: By the first port that is looked for: the controllers that may have one, the first last.  None is given back.
        self._roomy: dict[int, list[int]] = {}

    @property
    def controllers(self) -> list[int]:
        """The indexes of all controllers there are by now."""
        return sorted(self._counts)

    def take(self, controller: int, port: int) -> None:
        """Take one port.  Port 0 is never taken, as in libvirt (11.3, ``virDomainVirtioSerialAddrReserve``).

        :raise PortError: where it is not there, or taken.
        """
        if controller not in self._counts:
            raise PortError(f"there is no virtio-serial controller with index {controller}")
        if port >= self._counts[controller]:
            last = self._counts[controller] - 1
            raise PortError(f"virtio-serial controller {controller} has ports up to {last}, not {port}")
        if port in self._taken[controller]:
            raise PortError(f"port {port} of virtio-serial controller {controller} is used twice")
        if port:
            self._taken[controller].add(port)

    def take_next_of(self, controller: int) -> int:
        """Take the first free port of this controller, but for 0, which is for consoles."""
        port = self._free(controller, 1)
        if port is None and controller in self._counts:
            raise PortError(f"virtio-serial controller {controller} has no free port")
        self.take(controller, port or 0)
        return port or 0

    def take_next(self, *, first: int) -> tuple[int, int]:
        """Take the first free port from ``first`` on; where there is none, a new controller is added."""
        roomy = self._roomy.setdefault(first, self.controllers[::-1])
        while roomy:
            port = self._free(roomy[-1], first)
            if port is not None:
                self.take(roomy[-1], port)
                return roomy[-1], port
            roomy.pop()
        added = next((number for number in range(_CONTROLLERS) if number not in self._counts), None)
        if added is None:
            raise PortError("no port of any virtio-serial controller is free, and there can be no more of them")
        self._counts[added], self._taken[added] = DEFAULT_PORTS, set()
        for numbers in self._roomy.values():
            numbers.append(added)
            numbers.sort(reverse=True)
        self.take(added, first)
        return added, first

    def _free(self, controller: int, first: int) -> int | None:
        taken = self._taken.get(controller, set())
        return next((port for port in range(first, self._counts.get(controller, 0)) if port not in taken), None)


def assign_virtio_serial(domain: Domain, target: Target) -> Completion:
    """The domain, each of its channels on a port, and the controllers that this took.

    A console gets none: QEMU puts it on the first free port itself, and one that says port 0 has that.  For the latter
    libvirt counts a port of the first controller all the same.
    """
    channels = [channel for channel in domain.devices.of(Channel) if channel.is_virtio]
    consoles = [console for console in domain.devices.of(Console) if console.is_virtio]
    if not channels and not consoles:
        return domain
    counts = {controller.number: controller.port_count for controller in domain.devices.of(VirtioSerialController)}
    ports = VirtioSerialPorts(counts)
    yield from _take_given([*channels, *consoles], ports)
    assigned: dict[int, Channel | Console] = {}
    on_ports: list[Console] = []
    for console in consoles:
        assigned[id(console)] = placed = yield from _assign_console(console, ports)
        on_ports.append(placed)
    for channel in channels:
        assigned[id(channel)] = yield from _assign_channel(channel, ports)
    yield from _check_twice_port_0(on_ports)
    controllers = list(domain.devices.of(Controller))
    for number in ports.controllers:
        if number not in counts:
            insert(controllers, VirtioSerialController(index=number, places=Places(target.place)))
    others = (assigned.get(id(device), device) for device in domain.devices.others_than(Controller))
    return domain.with_devices([*controllers, *others])


def _take_given(devices: Iterable[Channel | Console], ports: VirtioSerialPorts) -> Iterator[Refusal]:
    """The ports that the XML gives, all of them before any other is dealt out."""
    for device in devices:
        if device.address is not None and device.address.port:
            try:
                ports.take(device.address.controller, device.address.port)
            except PortError as error:
                yield error.at("address").at(device.place)


def _assign_console(device: Console, ports: VirtioSerialPorts) -> Generator[Refusal, None, Console]:
    address = device.address
    try:
        if address is None:
            ports.take_next(first=0)
        elif not address.port:
            ports.take_next_of(0)
            return device.replace(address=address.replace(port=0))
    except PortError as error:
        yield error.at("address").at(device.place)
    return device


def _assign_channel(device: Channel, ports: VirtioSerialPorts) -> Generator[Refusal, None, Channel]:
    address = device.address
    try:
        if address is None:
            controller, port = ports.take_next(first=1)
        elif not address.port:
            controller, port = address.controller, ports.take_next_of(address.controller)
        else:
            return device
    except PortError as error:
        yield error.at("address").at(device.place)
        return device
    return device.replace(address=VirtioSerialAddress(controller=controller, port=port))


def _check_twice_port_0(consoles: Iterable[Console]) -> Iterator[Refusal]:
    """Two consoles on port 0, which libvirt does not notice, and QEMU does not start with.

    QEMU gives port 0 to the first console that names no port (``hw/char/virtio-serial-bus.c``), on its first
    controller.
    """
    taken: dict[int, Console] = {}
    for console in consoles:
        address = console.address
        if address is not None and address.port:
            continue
        number = address.controller if address is not None else 0
        first = taken.setdefault(number, console)
        if first is not console and address is not None:
            line = first.place().line
            message = f"port 0 of virtio-serial controller {number} is that of the console in line {line} already"
            yield Refusal(place=console.place("address"), message=message)
