"""What libvirt adds to a domain that does not say otherwise (11.3, ``qemuDomainDefAddDefaultDevices``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from prober.commandline.refusal import Refusal
from prober.domain.devices import Device, Memballoon
from prober.domain.domain import Domain
from prober.domain.target import Target

D = TypeVar("D", bound=Device)


def of(devices: Iterable[Device], cls: type[D]) -> list[D]:
    """The devices of one class, in order."""
    return [device for device in devices if isinstance(device, cls)]


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
