"""The ids of the devices: libvirt's aliases (11.3, ``qemu_alias.c``), and which controller each device sits on."""

from __future__ import annotations

from collections.abc import Iterable

from prober.commandline.refusal import Refusal
from prober.domain.devices import Device
from prober.domain.devices.controller import Controller
from prober.domain.devices.controller.pci import Root
from prober.domain.domain import Domain
from prober.domain.target import Target


def assign_aliases(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """The domain, each of its devices with its alias and its controller; two that come to one alias are refused.

    Controllers are named first, as a device may be named after the model of its controller.
    """
    # Whatever makes two names alike is refused for what it is, where it is found; this is the last net.
    known = bool(refusals)
    named = [
        device.replace(alias=device.own_name or device.name_for(0, target)) for device in domain.devices.of(Controller)
    ]
    controllers = [controller.with_peers(named) for controller in named]
    by_key = _by_key(controllers)
    devices: list[Device] = [*controllers, *domain.devices.others_than(Controller)]
    counts: dict[str, int] = {}
    taken: dict[str, Device] = {}
    for position, device in enumerate(devices):
        element, own, key = device.element, device.own_name, device.plugs_into
        parent = by_key.get(key) if key is not None else None
        number = counts.get(element, 0)
        if own is None or not device.numbered_by_names:
            counts[element] = number + 1
        alias = device.alias
        if alias is None:
            alias = own or device.name_on(parent, number, target)
            device = devices[position] = device.replace(alias=alias, parent=parent)
        elif parent is not None:
            device = devices[position] = device.replace(parent=parent)
        first = device if device.shares_alias else taken.setdefault(alias, device)
        if first is not device and not known:
            message = f"two devices come to the same name {alias}, the first in line {first.place().line}"
            refusals.append(Refusal(place=device.place("address"), message=message))
    return domain.with_devices(devices)


def _by_key(controllers: Iterable[Controller]) -> dict[tuple[str, int], Controller]:
    """What can be the parent of a device, by type and index; of several with one index, the first."""
    result: dict[tuple[str, int], Controller] = {}
    for controller in controllers:
        if not isinstance(controller, Root):
            result.setdefault((controller.controller_type, controller.number), controller)
    return result
