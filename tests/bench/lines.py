"""Command lines for the check, of any length."""

from __future__ import annotations

import json

#: The devices behind one bridge have the slots from 1 on; QEMU's bridges have 31.
_PER_BRIDGE = 24


def make_line(binary: str, devices: int) -> list[str]:
    """A command line with so many devices, as a large guest of libvirt's has them: bridges, and on them disks,
    interfaces and sources of random numbers, each with what is behind it.  QEMU takes it."""
    words = ["-name", "guest=bench", "-machine", "pc,usb=off", "-accel", "tcg", "-m", "size=262144k", "-smp", "2"]
    words += ["-nodefaults", "-no-user-config", "-display", "none", "-S"]
    bridges = -(-devices // (_PER_BRIDGE + 1))
    for bridge in range(1, bridges + 1):
        words += _device("pci-bridge", f"pci.{bridge}", "pci.0", bridge + 1, chassis_nr=bridge)
    for number in range(devices - bridges):
        words += _behind_bridge(number, f"pci.{1 + number % bridges}", 1 + number // bridges)
    assert words.count("-device") == devices
    return [binary, *words]


def _behind_bridge(number: int, bus: str, slot: int) -> list[str]:
    if number % 3 == 0:
        return [
            *_json("-blockdev", {"driver": "null-co", "node-name": f"disk{number}", "size": 1 << 30}),
            *_device("virtio-blk-pci", f"virtio-disk{number}", bus, slot, drive=f"disk{number}"),
        ]
    if number % 3 == 1:
        mac = f"52:54:00:00:00:{number:02x}"
        return [
            *_json("-netdev", {"type": "user", "id": f"hostnet{number}"}),
            *_device("virtio-net-pci", f"net{number}", bus, slot, netdev=f"hostnet{number}", mac=mac),
        ]
    return [
        *_json("-object", {"qom-type": "rng-builtin", "id": f"rng{number}"}),
        *_device("virtio-rng-pci", f"virtio-rng{number}", bus, slot, rng=f"rng{number}"),
    ]


def _device(driver: str, ident: str, bus: str, slot: int, **more: object) -> list[str]:
    return _json("-device", {"driver": driver, "id": ident, "bus": bus, "addr": hex(slot), **more})


def _json(flag: str, value: dict[str, object]) -> list[str]:
    return [flag, json.dumps(value)]
