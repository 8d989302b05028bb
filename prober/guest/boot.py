"""The order of booting: ``<os><boot dev>`` or the devices' own ``<boot order>``, never both."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

from prober.commandline.refusal import Refusal
from prober.domain.os.model import Boot
from prober.domain.shared.device import Bootable
from prober.domain.shared.devices import Devices


def find_boot_turns(devices: Devices, boots: Sequence[Boot]) -> Generator[Refusal, None, dict[int, int]]:
    """The ``bootindex`` of each device that has one, by the device's :func:`id`
    (libvirt, ``qemuProcessPrepareDeviceBootorder``); ``boots`` are those of ``<os>``.

    A domain that says nothing boots from its first disk.
    """
    bootable = devices.of(Bootable)
    turns = yield from _own_turns(bootable, boots)
    if turns:
        return turns
    names = [boot.dev for boot in boots] or ["hd"]
    first_of: dict[str, Bootable] = {}
    for device in bootable:
        first_of.setdefault(device.boot_kind, device)
    return {id(first_of[name]): turn for turn, name in enumerate(names, start=1) if name in first_of}


def _own_turns(bootable: Iterable[Bootable], boots: Sequence[Boot]) -> Generator[Refusal, None, dict[int, int]]:
    """The turns of devices that say one themselves; each its own, and none where ``<os>`` says them."""
    orders: dict[int, Bootable] = {}
    turns: dict[int, int] = {}
    for device in bootable:
        if device.loadparm is not None:
            message = "loadparm is for machines of s390x, not for those of x86"
            yield Refusal(place=device.place("loadparm"), message=message, hint="remove it")
        if device.boot_order is None:
            continue
        turns[id(device)] = device.boot_order
        first = orders.setdefault(device.boot_order, device)
        if first is not device:
            line = first.place("boot_order").line
            message = f"boot order {device.boot_order} is used twice, first in line {line}"
            yield Refusal(place=device.place("boot_order"), message=message)
        if boots:
            message = "a device's <boot order> and <os><boot dev> cannot be used together"
            yield Refusal(place=device.place("boot_order"), message=message, hint="keep one of the two")
    return turns
