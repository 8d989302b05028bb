"""Character devices that lead through a display: what is wrong where the domain has no such one."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.refusal import Refusal
from prober.domain.shared.chardev.character import Character
from prober.domain.shared.devices import Devices
from prober.xml.binding import Element
from prober.xml.shape import element_fields, may_have

#: What becomes of such a device without its display.
_OUTCOME = {
    "spice": "QEMU does not start with it",
    "dbus": "QEMU would start, and nobody could ever open its other end",
}


def check_unseen_characters(devices: Devices) -> Iterator[Refusal]:
    """SPICE without SPICE (libvirt 11.3, ``qemuValidateDomainChrSourceDef``), and D-Bus without D-Bus: only a
    display exports such a channel (QEMU 10.0, ``ui/dbus-chardev.c``)."""
    displays = {getattr(device, "type", "") for device in devices.every if device.element == "graphics"}
    for device in devices.every:
        for character in _characters(device) if may_have(type(device), Character) else ():
            wanted = character.backend.graphics
            if wanted and wanted not in displays:
                yield Refusal(
                    place=character.place("type"),
                    message=f"type='{character.type}' needs <graphics type='{wanted}'>: {_OUTCOME[wanted]}",
                )


def _characters(element: Element) -> Iterator[Character]:
    """The character devices that an element is or has, at any depth but that of its controller."""
    if isinstance(element, Character):
        yield element
    for name in element_fields(type(element)):
        value = getattr(element, name)
        if value is None or name == "parent":
            continue
        for item in value if isinstance(value, tuple) else (value,):
            yield from _characters(item)
