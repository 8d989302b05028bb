"""The ids of the devices: libvirt's aliases (11.3, ``qemu_alias.c``)."""

from __future__ import annotations

from prober.commandline.refusal import Refusal
from prober.domain.devices import Device
from prober.domain.domain import Domain
from prober.domain.target import Target


def assign_aliases(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """The domain, each of its devices with its alias; two that come to the same one are refused."""
    # Whatever makes two names alike is refused for what it is, where it is found; this is the last net.
    known = bool(refusals)
    counts: dict[type[Device], int] = {}
    named: list[Device] = []
    taken: dict[str, Device] = {}
    for device in domain.devices.every:
        number = counts.get(type(device), 0)
        counts[type(device)] = number + 1
        device = device.replace(alias=_own_name(device) or device.name_for(number, target))
        first = taken.setdefault(device.id, device)
        if first is not device and not known:
            message = f"two devices come to the same name {device.alias}, the first in line {first.place().line}"
            refusals.append(Refusal(place=device.place("address"), message=message))
        named.append(device)
    return domain.with_devices(named)


def _own_name(device: Device) -> str | None:
    """The name that the domain gives, if it is the user's and not libvirt's (``ua-``)."""
    given = device.user_alias
    return given if given is not None and given.startswith("ua-") else None
