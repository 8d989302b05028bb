"""What libvirt adds to a domain that does not say otherwise (11.3, ``qemuDomainDefAddDefaultDevices``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from prober.commandline.refusal import Refusal
from prober.domain.devices import Console, Device, Memballoon, Serial
from prober.domain.domain import Domain
from prober.domain.target import Target

D = TypeVar("D", bound=Device)

#: The ports of an ISA serial line.
_PORTS = range(4)


def of(devices: Iterable[Device], cls: type[D]) -> list[D]:
    """The devices of one class, in order."""
    return [device for device in devices if isinstance(device, cls)]


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
