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

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from prober.devices.controller.pci import Expander, PciBridge, PciController
from prober.devices.controller.pci.expanders import PcieExpanderBus
from prober.devices.controller.usb import UsbController
from prober.devices.video.emit import driver_of
from prober.devices.video.model import VideoElement
from prober.domain.domain import Domain
from prober.domain.shared.address import PciAddress
from prober.domain.shared.devices import Devices
from prober.guest.hotplug.port import Hotplug
from prober.host.target import Target

#: Controllers with one slot.
_PORTS = ("pcie-root-port", "pcie-switch-downstream-port")

#: Where pc's chipset has its own devices, which cannot be unplugged (``hw/i386/pc_piix.c``): the host bridge, PIIX3.
_OF_PC = frozenset({0, 1})

#: Graphics cards that cannot be unplugged (``hotpluggable = false`` of their classes in ``hw/display``).
_FIXED_VIDEO = frozenset(
    {"VGA", "cirrus-vga", "qxl-vga", "vmware-svga", "virtio-vga", "virtio-vga-gl", "vhost-user-vga"}
)


@dataclass(frozen=True)
class GuestBuses:
    """The buses of one domain, by the index of the controller that makes each.

    ``numbers`` are the guest's, ``apart`` the buses that are reached through an expander.  ``plugged`` are the buses
    that Linux has hot-plug slots on, in the order in which it names these, each with the places where it has none.
    """

    numbers: Mapping[int, int]
    apart: frozenset[int]
    plugged: Mapping[int, Container[int]]

    def slot_number(self, bus: int, slot: int) -> int | None:
        """What a slot can be told by: its own number, if no bus before has a slot of that number."""
        first = next((one for one, without in self.plugged.items() if slot not in without), None)
        return slot if slot and first == bus else None


def find_buses(domain: Domain, target: Target, hotplug: Mapping[int, Hotplug]) -> GuestBuses:
    """The buses of a completed domain; ``hotplug`` is who plugs on each, by the index of its controller."""
    controllers = domain.devices.of(PciController)
    below = _below(domain.devices.of(PciBridge))
    numbers: dict[int, int] = {}
    if any(controller.number == 0 for controller in controllers):
        _number(0, 0, below, numbers)
    own = len(numbers)
    for root in sorted(domain.devices.of(Expander), key=_first_number):
        _number(root.number, _first_number(root), below, numbers)
    # The one slot of a port has number 0, by which nothing is told.
    ports = {controller.number for controller in controllers if controller.model in _PORTS}
    fixed = _fixed_slots(domain.devices, target)
    plugged: dict[int, Container[int]] = {
        bus: fixed.get(bus, ()) for bus in numbers if hotplug[bus] == "acpi" and bus not in ports
    }
    if _has_shpc_driver(domain, target):
        plugged |= {bus: () for bus in numbers if hotplug[bus] == "shpc"}
    return GuestBuses(numbers, frozenset([*numbers][own:]), plugged)


def _first_number(expander: Expander) -> int:
    """That of the bus that it makes; devices of a conventional one are behind a bridge of its own, one further."""
    return (expander.bus_nr or 0) + (0 if isinstance(expander, PcieExpanderBus) else 1)


def _below(bridges: Iterable[PciBridge]) -> dict[int, list[int]]:
    """The buses right below each, in the order in which firmware finds their bridges."""
    found: dict[int, list[tuple[int, int, int]]] = {}
    for controller in bridges:
        if not isinstance(controller, Expander) and controller.address is not None:
            bus, slot, function = controller.address.numbers
            found.setdefault(bus, []).append((slot, function, controller.number))
    return {bus: [number for _, _, number in sorted(ways)] for bus, ways in found.items()}


def _number(root: int, first: int, below: Mapping[int, list[int]], numbers: dict[int, int]) -> None:
    """Number a root bus and all below it; each bus once, however the addresses lead."""
    ahead, number = [root], first
    while ahead:
        bus = ahead.pop()
        if bus in numbers:
            continue
        numbers[bus] = number
        number += 1
        ahead += reversed(below.get(bus, []))


def _has_shpc_driver(domain: Domain, target: Target) -> bool:
    """Linux leaves the SHPC alone where ACPI tables do not hand it over: those of pc."""
    return target.kind != "pc" or not domain.features.acpi


def _fixed_slots(devices: Devices, target: Target) -> dict[int, set[int]]:
    """The places on each bus whose device cannot be unplugged, so that ACPI has no slot for it: bridges that are there
    at the start, some graphics cards, and USB controllers that have companions."""
    maybe_fixed: list[PciBridge | VideoElement | UsbController] = [
        *devices.of(PciBridge),
        *devices.of(VideoElement),
        *devices.of(UsbController),
    ]
    found = {0: set(_OF_PC)}
    for device in maybe_fixed:
        address = device.address
        if isinstance(address, PciAddress) and _is_fixed(device, target):
            found.setdefault(address.bus, set()).add(address.slot)
    return found


def _is_fixed(device: PciBridge | VideoElement | UsbController, target: Target) -> bool:
    if isinstance(device, VideoElement):
        return driver_of(device, target) in _FIXED_VIDEO
    return isinstance(device, PciBridge) or device.model.startswith("ich9-")
