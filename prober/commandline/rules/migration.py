"""``-only-migratable``, and the devices that cannot be migrated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from prober.commandline.line import Line, Made, switch
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule, Version

_EVER: Version = (99, 0, 0)

#: Devices that are never migrated (their ``vmsd`` is ``unmigratable``), and the version up to which that is known.
_NEVER: Mapping[str, Version] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "amd-iommu", "rocker", "usb-audio", "usb-braille", "usb-mtp", "usb-net", "usb-serial", "usb-uas",
                "usb-wacom-tablet", "vhost-user-gpio-pci", "vhost-user-i2c-pci", "vhost-user-input-pci",
                "vhost-user-rng-pci", "vhost-user-snd-pci", "vhost-user-vsock-pci", "virtio-crypto-pci",
                "virtio-sound-pci",
            ),
            _EVER,
        ),
        # It was seen to be migrated by 11.1, and not by 10.0.
        "nvme": (10, 1, 0),
        # By 10.0, and not by 7.2.
        "vhost-user-fs-pci": (8, 0, 0),
    }
)  # fmt: skip

#: Those that are only so with some properties (``hw/misc/ivshmem-pci.c``: a peer, which is no master).
_SOMETIMES: Mapping[str, Callable[[Made], bool]] = MappingProxyType(
    {"ivshmem-plain": lambda device: switch(device.values.get("master")) is not True}
)


def _only(line: Line) -> Iterator[Fault]:
    if "-only-migratable" not in line.plain:
        return
    version = line.caps.version.numbers
    for device in line.devices:
        name = device.typename
        known_to = _NEVER.get(name)
        if (known_to is not None and version < known_to) or (name in _SOMETIMES and _SOMETIMES[name](device)):
            yield Fault(device.place, "driver", f"{name} cannot be migrated, and -only-migratable takes no such device")


RULES = (
    Rule(
        "line/only-migratable",
        "with `-only-migratable` each device can be migrated",
        "migration/savevm.c, vmstate_check_only_migratable",
        _only,
        about=("-only-migratable",),
        wrong="-display none -only-migratable -usb -device usb-audio",
        right="-display none -only-migratable -usb -device usb-tablet",
    ),
)
