"""The PCI buses as a guest numbers them, and the hot-plug slots that Linux finds there.

Seen with Debian's Linux 6.1 on SeaBIOS, under QEMU 5.2, 7.2, 10.0 and 11.1: ``tests/integration/test_card_names.py``.
On ARM's ``virt`` the same Linux was seen under QEMU 7.2, with a device tree and behind edk2 (docs/machines.md).

- Firmware numbers buses depth first, in the order of slots and functions; Linux leaves that as it is.
- Under ACPI hot-plug, Linux (acpiphp) has a slot for each number of a bus whose device can be unplugged, or that is
  empty; its name is the number of ``_SUN``, which is that of the slot on its bus.  A PCI Express port has slot 0
  alone.
- Under a port's own hot-plug (pciehp) the name is the port's property ``slot``, which libvirt leaves at 0.  A bridge's
  own (shpchp) names its slots 1 to 31.
- Of two slots of one number the second is called ``3-1``, from which systemd takes no number, and neither from 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prober.devices.controller.pci import Expander, PciBridge, PciController
from prober.devices.controller.pci.expanders import PcieExpanderBus
from prober.devices.controller.usb import UsbController
from prober.devices.video.emit import driver_of
from prober.devices.video.model import VideoElement
from prober.domain.domain import Domain
from prober.domain.shared.address import PciAddress
from prober.domain.shared.device import Device
from prober.guest.hotplug.port import Hotplug
from prober.host.target import Target

#: As many slots as a conventional bus has.
_SLOTS = 32

#: Where pc's chipset has its own devices, which cannot be unplugged (``hw/i386/pc_piix.c``): the host bridge, PIIX3.
_OF_PC = frozenset({0, 1})

#: Graphics cards that cannot be unplugged (``hotpluggable = false`` of their classes in ``hw/display``).
_FIXED_VIDEO = frozenset(
    {"VGA", "cirrus-vga", "qxl-vga", "vmware-svga", "virtio-vga", "virtio-vga-gl", "vhost-user-vga"}
)


@dataclass(frozen=True)
class GuestBuses:
    """The buses of one domain, by the index of the controller that makes each.

    ``numbers`` are the guest's, ``apart`` the buses that are reached through an expander.  ``slots`` are the numbers
    that a slot of a bus can be told by, for each bus and slot.
    """

    numbers: Mapping[int, int]
    apart: frozenset[int]
    slots: Mapping[tuple[int, int], int]


def find_buses(domain: Domain, target: Target, hotplug: Mapping[str, Hotplug]) -> GuestBuses:
    """The buses of a completed domain; ``hotplug`` is who plugs on each, by the controllers' aliases."""
    controllers = {controller.number: controller for controller in domain.devices.of(PciController)}
    below = _below(controllers.values())
    numbers: dict[int, int] = {}
    order: list[int] = []
    if 0 in controllers:
        _number(0, 0, below, numbers, order)
    own = len(order)
    expanders = [controller for controller in controllers.values() if isinstance(controller, Expander)]
    for root in sorted(expanders, key=_first_number):
        _number(root.number, _first_number(root), below, numbers, order)
    slots = _name_slots(domain, target, controllers, order, hotplug)
    return GuestBuses(numbers, frozenset(order[own:]), slots)


def _first_number(expander: Expander) -> int:
    """That of the bus that it makes; devices of a conventional one are behind a bridge of its own, one further."""
    return (expander.bus_nr or 0) + (0 if isinstance(expander, PcieExpanderBus) else 1)


def _below(controllers: Iterable[PciController]) -> dict[int, list[int]]:
    """The buses right below each, in the order in which firmware finds their bridges."""
    found: dict[int, list[tuple[int, int, int]]] = {}
    for controller in controllers:
        if (
            isinstance(controller, PciBridge)
            and not isinstance(controller, Expander)
            and controller.address is not None
        ):
            bus, slot, function = controller.address.numbers
            found.setdefault(bus, []).append((slot, function, controller.number))
    return {bus: [number for _, _, number in sorted(bridges)] for bus, bridges in found.items()}


def _number(root: int, first: int, below: Mapping[int, list[int]], numbers: dict[int, int], order: list[int]) -> None:
    """Number a root bus and all below it; each bus once, however the addresses lead."""
    ahead, number = [root], first
    while ahead:
        bus = ahead.pop()
        if bus in numbers:
            continue
        numbers[bus] = number
        order.append(bus)
        number += 1
        ahead += reversed(below.get(bus, []))


def _name_slots(
    domain: Domain,
    target: Target,
    controllers: Mapping[int, PciController],
    order: list[int],
    hotplug: Mapping[str, Hotplug],
) -> dict[tuple[int, int], int]:
    """The slots whose number is their own, by the index of their bus and their place on it."""
    taken: dict[int, tuple[int, int]] = {}
    for kind in ("acpi", "shpc"):
        for bus in order:
            controller = controllers[bus]
            if hotplug.get(controller.id) != kind or (kind == "shpc" and not _has_shpc_driver(domain, target)):
                continue
            fixed = _fixed_slots(domain, target, bus) if kind == "acpi" else {0}
            for slot in range(1 if _is_port(controller) else _SLOTS):
                if slot not in fixed and slot:
                    taken.setdefault(slot, (bus, slot))
    return {place: number for number, place in taken.items()}


def _is_port(controller: PciController) -> bool:
    return controller.model in ("pcie-root-port", "pcie-switch-downstream-port")


def _has_shpc_driver(domain: Domain, target: Target) -> bool:
    """Linux leaves the SHPC alone where ACPI tables do not hand it over: those of pc."""
    return target.kind != "pc" or not domain.features.acpi


def _fixed_slots(domain: Domain, target: Target, bus: int) -> frozenset[int]:
    """The places on a bus whose device cannot be unplugged, so that ACPI has no slot for it."""
    found = {slot for device, slot in _devices_on(domain, bus) if _is_fixed(device, target)}
    return frozenset(found | _OF_PC) if bus == 0 else frozenset(found)


def _devices_on(domain: Domain, bus: int) -> Iterator[tuple[Device, int]]:
    for device in domain.devices.every:
        address = getattr(device, "address", None)
        if isinstance(address, PciAddress) and address.bus == bus:
            yield device, address.slot


def _is_fixed(device: Device, target: Target) -> bool:
    """Bridges that are there at the start, some graphics cards, and USB controllers that have companions."""
    if isinstance(device, PciBridge):
        return True
    if isinstance(device, VideoElement):
        return driver_of(device, target) in _FIXED_VIDEO
    return isinstance(device, UsbController) and str(device.model).startswith("ich9-")
