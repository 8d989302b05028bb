"""The ids of the devices: libvirt's aliases (11.3, ``qemu_alias.c``), and which controller each device sits on."""

from __future__ import annotations

from collections.abc import Iterable

from prober.commandline.refusal import Refusal
from prober.domain.devices import Device
from prober.domain.devices.controller import Controller
from prober.domain.domain import Domain
from prober.domain.target import Target


def assign_aliases(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """The domain, each of its devices with its alias and its controller; two that come to one alias are refused.

    Controllers are named first, as a device may be named after the model of its controller.
    """
    # Whatever makes two names alike is refused for what it is, where it is found; this is the last net.
    known = bool(refusals)
    counts: dict[str, int] = {}
    devices = list(domain.devices.every)
    named = {
        position: device.replace(alias=device.own_name or device.name_for(0, target))
        for position, device in enumerate(devices)
        if isinstance(device, Controller)
    }
    for position, controller in named.items():
        devices[position] = controller.with_peers(named.values())
    controllers = _by_key(devices[position] for position in named)
    taken: dict[str, Device] = {}
    for position, device in enumerate(devices):
        changes: dict[str, object] = {}
        key = device.plugs_into
        parent = controllers.get(key) if key is not None else None
        if parent is not None:
            changes["parent"] = parent
        own = device.own_name
        number = counts.get(device.element, 0)
        if own is None or not device.numbered_by_names:
            counts[device.element] = number + 1
        if device.alias is None:
            changes["alias"] = own or device.name_on(parent, number, target)
        if changes:
            device = devices[position] = device.replace(**changes)
        first = device if device.shares_alias else taken.setdefault(device.id, device)
        if first is not device and not known:
            message = f"two devices come to the same name {device.alias}, the first in line {first.place().line}"
            refusals.append(Refusal(place=device.place("address"), message=message))
    return domain.with_devices(devices)


def _by_key(devices: Iterable[Device]) -> dict[tuple[str, int], Controller]:
    """The controllers by type and index; of several with one index, the first."""
    result: dict[tuple[str, int], Controller] = {}
    for device in devices:
        if isinstance(device, Controller):
            result.setdefault((device.controller_type, device.number), device)
    return result
