"""Character devices that lead through a display: what is wrong where the domain has no such one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from prober.commandline.refusal import Note, Refusal
from prober.domain.shared.chardev.character import Character
from prober.domain.shared.devices import Devices
from prober.domain.shared.kinds import Classes
from prober.domain.steps import Check
from prober.xml.binding import Element
from prober.xml.shape import element_fields, may_have


def check_unseen_characters(devices: Devices) -> Check:
    """SPICE without SPICE (libvirt 11.3, ``qemuValidateDomainChrSourceDef``), and D-Bus without D-Bus: only a
    display exports such a channel (QEMU 10.0, ``ui/dbus-chardev.c``), and the guest has it all the same."""
    displays = {getattr(device, "type", "") for device in devices.every if device.element == "graphics"}
    with_characters = _with_characters(devices.kinds)
    for device in devices.every:
        for character in _characters(device) if type(device) in with_characters else ():
            wanted = character.backend.graphics
            if not wanted or wanted in displays:
                continue
            place, needs = character.place("type"), f"type='{character.type}' needs <graphics type='{wanted}'>"
            if wanted == "dbus":
                message = f"{needs}: the guest has the device, and nobody can open its other end"
                yield Note(place=place, message=message)
            else:
                yield Refusal(place=place, message=f"{needs}: QEMU does not start with it")


@lru_cache(maxsize=4096)
def _with_characters(kinds: Classes) -> Classes:
    """Those of the classes whose devices may be character devices, or have some."""
    return frozenset(kind for kind in kinds if may_have(kind, Character))


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
