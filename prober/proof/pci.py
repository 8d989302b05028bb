"""Where on its PCI buses a live machine has its devices (``query-pci``), against where the line put them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from prober.proof.equal import slot_of
from prober.proof.given import Given
from prober.proof.models import LiveDifference

#: Deeper than any machine nests its bridges, and more devices than any has.
_DEEPEST, _MOST = 64, 100_000


def pci_places(reply: JsonValue) -> dict[str, tuple[int, int]]:
    """The slot and function of each device that has an id, behind bridges too; from an answer of ``query-pci``."""
    places: dict[str, tuple[int, int]] = {}
    for device in _devices(reply, 0):
        ident, slot, function = device.get("qdev_id"), device.get("slot"), device.get("function")
        if isinstance(ident, str) and ident and isinstance(slot, int) and isinstance(function, int):
            places[ident] = (slot, function)
        if len(places) > _MOST:
            break
    return places


def _devices(buses: JsonValue, depth: int) -> Iterator[Mapping[str, JsonValue]]:
    for bus in buses if isinstance(buses, list) and depth < _DEEPEST else []:
        devices = bus.get("devices") if isinstance(bus, Mapping) else None
        for device in devices if isinstance(devices, list) else []:
            if not isinstance(device, Mapping):
                continue
            yield device
            bridge = device.get("pci_bridge")
            if isinstance(bridge, Mapping):
                yield from _devices([{"devices": bridge.get("devices")}], depth + 1)


def moved_devices(devices: list[Given], places: Mapping[str, tuple[int, int]]) -> Iterator[LiveDifference]:
    """The devices that are on PCI and not at their ``addr``."""
    for option in devices:
        given = option.members.value("addr") if option.members is not None else None
        place = places.get(option.id)
        if given is None or place is None or slot_of(given) == place:
            continue
        yield LiveDifference(
            position=option.position,
            flag=option.flag,
            part="addr",
            path="query-pci",
            given=str(given)[:200],
            got=f"{place[0]:02x}.{place[1]}",
        )
