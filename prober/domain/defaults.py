"""What libvirt adds to a domain that does not say otherwise (11.3, ``qemuDomainDefAddDefaultDevices``)."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import TypeVar

from prober.commandline.refusal import Refusal
from prober.domain.binding import Places
from prober.domain.devices import Console, Controller, Device, Disk, Memballoon, Serial
from prober.domain.devices.controller import (
    IdeController,
    PciController,
    PcieRoot,
    PciRoot,
    SataController,
    UsbController,
    default_usb,
)
from prober.domain.domain import Domain
from prober.domain.shared.address import DriveAddress
from prober.domain.target import Target

D = TypeVar("D", bound=Device)

#: The ports of an ISA serial line.
_PORTS = range(4)


#: The controller of each kind of disk.
_ON_BUS: dict[str, type[Controller]] = {"ide": IdeController, "sata": SataController}


def of(devices: Iterable[Device], cls: type[D]) -> list[D]:
    """The devices of one class, in order."""
    return [device for device in devices if isinstance(device, cls)]


def number_controllers(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """Give each controller its index: a root 0, others the next of their type."""
    devices = list(domain.devices.every)
    taken: dict[tuple[str, int], Controller] = {}
    for controller in of(devices, Controller):
        if controller.index is not None:
            first = taken.setdefault((controller.controller_type, controller.index), controller)
            if first is not controller:
                refusals.append(
                    Refusal(
                        place=controller.place("index"),
                        message=f"a second {controller.controller_type} controller has index {controller.index}, "
                        f"first in line {first.place().line}",
                    )
                )
    free: dict[str, Iterator[int]] = {}
    for position, device in enumerate(devices):
        if not isinstance(device, Controller) or device.index is not None:
            continue
        if isinstance(device, PciRoot | PcieRoot):
            index: int | None = 0
        else:
            kind = device.controller_type
            numbers = free.setdefault(kind, _free_indexes(kind, taken))
            index = next(numbers, None)
        if index is None:
            message = f"there are too many {device.controller_type} controllers: indexes end at 255"
            refusals.append(Refusal(place=device.place(), message=message))
            index = 255
        devices[position] = device.replace(index=index)
    return domain.with_devices(devices)


def _free_indexes(kind: str, taken: Container[tuple[str, int]]) -> Iterator[int]:
    """The indexes that no controller of this type asks for; PCI's index 0 is the machine's own bus."""
    return (number for number in range(1 if kind == "pci" else 0, 256) if (kind, number) not in taken)


def check_controllers(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """What the machine does not allow of each controller."""
    devices = list(domain.devices.every)
    for controller in of(devices, Controller):
        for field, sentence in controller.machine_rules(target):
            refusals.append(Refusal(place=controller.place(field), message=sentence))
    return domain.with_devices(devices)


def add_consoles(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """The first console is the first serial port: made from it, or a repetition of it."""
    devices = list(domain.devices.every)
    consoles, serials = of(devices, Console), of(devices, Serial)
    for extra in consoles[1:]:
        refusals.append(
            Refusal(place=extra.place(), message="a second <console> needs a target of type virtio, not understood")
        )
    if not consoles:
        return domain
    console = consoles[0]
    if not serials:
        values = {name: getattr(console, name) for name in ("type", "sources", "protocol", "log_file", "log_append")}
        port = 0 if console.target_port is None else console.target_port
        devices.append(Serial(**values, target_port=port, places=console.places))
    elif console.meaning != serials[0].meaning:
        refusals.append(
            Refusal(
                place=console.place(),
                message="the console leads elsewhere than the serial port that it is",
                hint=f"repeat the <serial> of line {serials[0].place().line}, or leave <console> out",
            )
        )
    return domain.with_devices(devices)


def number_serials(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """Give each ISA serial port its number."""
    devices = list(domain.devices.every)
    taken: dict[int, Serial] = {}
    for serial in of(devices, Serial):
        if serial.target_port is not None and taken.setdefault(serial.target_port, serial) is not serial:
            message = f"two serial devices have port {serial.target_port}"
            refusals.append(Refusal(place=serial.place("target_port"), message=message))
    for position, device in enumerate(devices):
        if isinstance(device, Serial) and device.target_port is None:
            port = next((port for port in _PORTS if port not in taken), None)
            if port is None:
                refusals.append(Refusal(place=device.place(), message="there are only four ISA serial ports"))
                port = 0
            devices[position] = taken[port] = device.replace(target_port=port)
    return domain.with_devices(devices)


def add_controllers(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """The machine's own buses, libvirt's USB controller, and what the disks plug into."""
    if target.kind not in ("pc", "q35"):
        return domain
    devices = list(domain.devices.every)
    if not of(devices, UsbController):
        usb = default_usb(target)
        if usb is not None:
            devices.append(usb)
    # The last controller of each kind that is wanted, and what wants it.
    wanted: dict[type[Controller], tuple[int, Places]] = {}
    if target.kind == "q35":
        wanted[SataController] = 0, Places(target.place)
    _want_for_disks(devices, wanted)
    for wanted_cls, (last, places) in wanted.items():
        have = {controller.number for controller in of(devices, wanted_cls)}
        for index in range(min(last, 255) + 1):
            if index not in have:
                values = {"type": wanted_cls.controller_type, "index": index, "places": places}
                devices.append(wanted_cls.model_validate(values))
    root = PcieRoot if target.kind == "q35" else PciRoot
    if not any(controller.number == 0 for controller in of(devices, PciController)):
        devices.append(root.model_validate({"type": "pci", "index": 0}))
    return domain.with_devices(devices)


def _want_for_disks(devices: list[Device], wanted: dict[type[Controller], tuple[int, Places]]) -> None:
    for disk in of(devices, Disk):
        cls = _ON_BUS.get(disk.bus)
        if cls is None or not isinstance(disk.address, DriveAddress):
            continue
        if cls not in wanted or wanted[cls][0] < disk.address.controller:
            wanted[cls] = disk.address.controller, Places(disk.place("target_dev"))


def add_memballoon(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """A domain without the element has a virtio balloon, and no domain has two."""
    devices = list(domain.devices.every)
    balloons = of(devices, Memballoon)
    if not balloons:
        devices.append(Memballoon(model="virtio"))
    for extra in balloons[1:]:
        line = balloons[0].place().line
        refusals.append(Refusal(place=extra.place(), message=f"a second <memballoon>, the first is in line {line}"))
    return domain.with_devices(devices)
