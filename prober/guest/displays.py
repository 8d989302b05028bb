"""Character devices that lead through a display: what is wrong where the domain has no such one."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.refusal import Note, Refusal
from prober.domain.shared.chardev.character import Character
from prober.domain.shared.devices import Devices
from prober.domain.steps import Check
from prober.xml.binding import Element
from prober.xml.shape import element_fields, may_have


def check_unseen_characters(devices: Devices) -> Check:
    """SPICE without SPICE (libvirt 11.3, ``qemuValidateDomainChrSourceDef``), and D-Bus without D-Bus: only a
    display exports such a channel (QEMU 10.0, ``ui/dbus-chardev.c``), and the guest has it all the same."""
    displays = {getattr(device, "type", "") for device in devices.every if device.element == "graphics"}
    for device in devices.every:
        for character in _characters(device) if may_have(type(device), Character) else ():
            wanted = character.backend.graphics
            if not wanted or wanted in displays:
                continue
            place, needs = character.place("type"), f"type='{character.type}' needs <graphics type='{wanted}'>"
            if wanted == "dbus":
                message = f"{needs}: the guest has the device, and nobody can open its other end"
                yield Note(place=place, message=message)
            else:
                yield Refusal(place=place, message=f"{needs}: QEMU does not start with it")


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
