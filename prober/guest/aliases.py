"""What each device gets at the end: its id, which is libvirt's alias (11.3, ``qemu_alias.c``), the controller that it
sits on, and its turn in booting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prober.commandline.refusal import Refusal
from prober.devices.controller import Controller
from prober.devices.controller.pci import Root
from prober.domain.domain import Domain
from prober.domain.shared.device import Device
from prober.domain.shared.devices import Devices
from prober.domain.shared.twins import twins
from prober.domain.steps import Completion
from prober.guest.boot import find_boot_turns
from prober.host.target import Target
from prober.xml.binding import Places


def complete_devices(domain: Domain, target: Target) -> Completion:
    """The domain, each of its devices with its alias, its controller and its turn in booting, all in one copy of it.

    Controllers are named first, as a device may be named after the model of its controller.  A device that was added
    stands for the domain as a whole from here on.
    """
    turns = yield from find_boot_turns(domain.devices, domain.os.boot)
    whole = Places(target.place)
    named = [
        controller.replace(
            alias=controller.own_name or controller.name_for(0, target),
            places=controller.places if controller.places.own.line else whole,
        )
        for controller in domain.devices.of(Controller)
    ]
    controllers = [controller.with_peers(named) for controller in named]
    by_key = _by_key(controllers)
    devices: list[Device] = []
    for controller in controllers:
        parent = by_key.get(controller.plugs_into)
        devices.append(controller if parent is None else controller.replace(parent=parent))
    counts: dict[str, int] = {}
    for device in domain.devices.others_than(Controller):
        element, own = device.element, device.own_name
        parent = by_key.get(device.plugs_into)
        number = counts.get(element, 0)
        if own is None or not device.numbered_by_names:
            counts[element] = number + 1
        places = device.places if device.places.own.line else whole
        name = own or device.name_on(parent, number, target)
        placed = device.replace(alias=name, parent=parent, places=places)
        devices.append(placed.replace(bootindex=turns[id(device)]) if id(device) in turns else placed)
    return domain.with_devices(devices, domain.devices.kinds)


def check_names(devices: Devices) -> Iterator[Refusal]:
    """Two devices that come to the same name.

    Whatever makes two names alike is refused for what it is, where it is found; this is the last net.
    """
    if len({device.alias for device in devices.every}) == len(devices.every):
        return
    named = (device for device in devices.every if not device.shares_alias)
    for first, device in twins(named, lambda device: device.id):
        message = f"two devices come to the same name {device.id}, the first in line {first.place().line}"
        yield Refusal(place=device.place("address"), message=message)


def _by_key(controllers: Iterable[Controller]) -> dict[tuple[str, int] | None, Controller]:
    """What can be the parent of a device, by type and index; of several with one index, the first.  What plugs into
    nothing finds nothing by its None."""
    result: dict[tuple[str, int] | None, Controller] = {}
    for controller in controllers:
        if not isinstance(controller, Root):
            result.setdefault((controller.controller_type, controller.number), controller)
    return result
