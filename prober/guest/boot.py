"""The order of booting: ``<os><boot dev>`` or the devices' own ``<boot order>``, never both."""

from __future__ import annotations

from prober.commandline.refusal import Refusal
from prober.domain.domain import Domain
from prober.domain.shared.device import Bootable


def find_boot_turns(domain: Domain, refusals: list[Refusal]) -> dict[int, int]:
    """The ``bootindex`` of each device that has one, by the device's :func:`id`
    (libvirt, ``qemuProcessPrepareDeviceBootorder``).

    A domain that says nothing boots from its first disk.
    """
    bootable = domain.devices.of(Bootable)
    orders: dict[int, Bootable] = {}
    turns: dict[int, int] = {}
    for device in bootable:
        if device.loadparm is not None:
            message = "loadparm is for machines of s390x, not for those of x86"
            refusals.append(Refusal(place=device.place("loadparm"), message=message, hint="remove it"))
        if device.boot_order is None:
            continue
        turns[id(device)] = device.boot_order
        place = device.place("boot_order")
        first = orders.setdefault(device.boot_order, device)
        if first is not device:
            line = first.place("boot_order").line
            message = f"boot order {device.boot_order} is used twice, first in line {line}"
            refusals.append(Refusal(place=place, message=message))
        if domain.os.boot:
            message = "a device's <boot order> and <os><boot dev> cannot be used together"
            refusals.append(Refusal(place=place, message=message, hint="keep one of the two"))
    if turns:
        return turns
    names = [boot.dev for boot in domain.os.boot] or ["hd"]
    first_of: dict[str, Bootable] = {}
    for device in bootable:
        first_of.setdefault(device.boot_kind, device)
    return {id(first_of[name]): turn for turn, name in enumerate(names, start=1) if name in first_of}
