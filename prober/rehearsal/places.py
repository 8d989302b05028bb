"""Where a device stands, told without ids: on what, and at which address there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

#: A device as it was read: its type, its path in QOM, and its properties.
Read = tuple[str, str, Mapping[str, JsonValue]]

#: The properties that tell where a device stands.
PLACE_NAMES = frozenset(
    ("addr", "multifunction", "parent_bus", "channel", "scsi-id", "lun", "port", "unit", "nr", "reg")
)

#: What a bus's name ends in, which tells the buses of one device apart (``s.0``, ``ide.1``).
_NUMBER = re.compile(r"\.(\d+)$")

#: The deepest nesting of buses that is followed.
_DEEPEST = 40


def guest_places(devices: Sequence[Read]) -> list[tuple[str, str]]:
    """For each device the place where it stands, and its slots from the PCI root on, empty where it is not on PCI.

    Devices without an address are told apart by the order in which they come.
    """
    by_path = {path: (kind, values) for kind, path, values in devices}
    taken: Counter[str] = Counter()
    found = []
    for kind, path, values in devices:
        place = _place(kind, path, by_path, 0)
        taken[place] += 1
        if taken[place] > 1:
            place = f"{place}#{taken[place]}"
        found.append((place, _slots(values, by_path, 0)))
    return found


def _place(kind: str, path: str, by_path: Mapping[str, tuple[str, Mapping[str, JsonValue]]], depth: int) -> str:
    values = by_path[path][1]
    bus = values.get("parent_bus")
    if not isinstance(bus, str) or not bus:
        return kind
    owner, _, name = bus.rpartition("/")
    owner = owner.removesuffix("/virtio-backend")
    if owner in by_path and depth < _DEEPEST:
        number = _NUMBER.search(name)
        above = _place(by_path[owner][0], owner, by_path, depth + 1) + (f".{number[1]}" if number else "")
    else:
        above = name
    return f"{above}/{_address(kind, values)}"


def _address(kind: str, values: Mapping[str, JsonValue]) -> str:
    slot = _slot(values)
    if slot is not None:
        return slot
    if all(isinstance(values.get(name), int) for name in ("channel", "scsi-id", "lun")):
        return f"{values['channel']}:{values['scsi-id']}:{values['lun']}"
    for name in ("port", "unit", "nr", "reg"):
        value = values.get(name)
        if isinstance(value, int) or (isinstance(value, str) and value):
            return f"{name} {value}"
    # A USB device that was put at no port has the next one, whatever it is.
    return "port" if "port" in values else kind


def _slot(values: Mapping[str, JsonValue]) -> str | None:
    """``SLOT.FUNCTION`` of what is on PCI."""
    address = values.get("addr")
    if not isinstance(address, int) or isinstance(address, bool) or address < 0 or "multifunction" not in values:
        return None
    return f"{address >> 3:02x}.{address & 7}"


def _slots(
    values: Mapping[str, JsonValue], by_path: Mapping[str, tuple[str, Mapping[str, JsonValue]]], depth: int
) -> str:
    slot = _slot(values)
    bus = values.get("parent_bus")
    if slot is None or not isinstance(bus, str):
        return ""
    owner = bus.rpartition("/")[0]
    if owner in by_path and depth < _DEEPEST:
        above = _slots(by_path[owner][1], by_path, depth + 1)
        return f"{above}:{slot}" if above else slot
    return slot
