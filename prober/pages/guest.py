"""The PCI buses of a guest with what sits on them, as a tree to be drawn: who plugs on each bus beside it.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from prober.devices.controller.pci import PciController
from prober.domain.domain import Domain
from prober.domain.shared.address import PciAddress
from prober.domain.shared.device import Device
from prober.guest.hotplug.outcome import find_hotplug
from prober.host.target import Target


class GuestDevice(NamedTuple):
    """One device of a bus.

    ``place`` is slot and function as ``lspci`` writes them (``1f.2``), ``name`` its alias, ``what`` what it is in a few
    words.  ``bus`` is the name of the bus that it makes, empty where it makes none.
    """

    place: str
    name: str
    what: str
    bus: str


class GuestBus(NamedTuple):
    """One PCI bus: ``name`` and ``model`` of its controller, who plugs there, the rules that say so, and what is on it
    by its place."""

    name: str
    model: str
    hotplug: str
    rules: tuple[str, ...]
    devices: tuple[GuestDevice, ...]


def guest_buses(domain: Domain, target: Target) -> tuple[GuestBus, ...]:
    """The buses of a completed domain, in the order of their numbers; none where it has no PCI, or where completing did
    not come to an end."""
    controllers = domain.devices.of(PciController)
    if any(device.alias is None for device in controllers):
        return ()
    named = {controller.id: controller for controller in controllers}
    placed = list(_placed(domain))
    return tuple(
        GuestBus(
            port.controller,
            port.model,
            port.hotplug,
            port.rules,
            tuple(
                GuestDevice(place, device.alias or "", _words(device), device.id if device.alias in named else "")
                for place, device in sorted(
                    (f"{at.slot:02x}.{at.function}", device)
                    for at, device in placed
                    if at.bus == named[port.controller].number
                )
            ),
        )
        for port in find_hotplug(domain, target)
    )


def _placed(domain: Domain) -> Iterator[tuple[PciAddress, Device]]:
    for device in domain.devices.every:
        address = getattr(device, "address", None)
        if isinstance(address, PciAddress):
            yield address, device


def _words(device: Device) -> str:
    """``disk vda``, ``interface virtio``, ``controller pcie-root-port``."""
    target = getattr(getattr(device, "target", None), "dev", None) or getattr(device, "dev", None)
    model = getattr(device, "model", None) or getattr(device, "type", None)
    detail = target if isinstance(target, str) else model if isinstance(model, str) else ""
    return f"{device.element} {detail}".strip()
