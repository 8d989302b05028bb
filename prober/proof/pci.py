"""Where on its PCI buses a live machine has its devices (``query-pci``), against where the line put them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from pydantic import JsonValue

from prober.proof.equal import slot_of
from prober.proof.given import Given
from prober.proof.models import LiveDifference

#: Deeper than any machine nests its bridges, and more devices than any has.
_DEEPEST, _MOST = 64, 100_000


def walk_pci(reply: JsonValue, above: str = "") -> Iterator[tuple[str, Mapping[str, JsonValue]]]:
    """Each device of an answer of ``query-pci``, behind bridges too, with its slots from the root (``01.0:00.0``)."""
    for bus in reply if isinstance(reply, list) else []:
        devices = bus.get("devices") if isinstance(bus, Mapping) else None
        for device in devices if isinstance(devices, list) else []:
            if not isinstance(device, Mapping):
                continue
            slot, function = device.get("slot"), device.get("function")
            if not isinstance(slot, int) or not isinstance(function, int):
                continue
            here = f"{above}{slot:02x}.{function:x}"
            yield here, device
            bridge = device.get("pci_bridge")
            if isinstance(bridge, Mapping) and here.count(":") < _DEEPEST:
                yield from walk_pci([{"devices": bridge.get("devices")}], f"{here}:")


def pci_places(reply: JsonValue) -> dict[str, tuple[int, int]]:
    """The slot and function of each device that has an id, behind bridges too; from an answer of ``query-pci``."""
    places: dict[str, tuple[int, int]] = {}
    for slots, device in islice(walk_pci(reply), _MOST):
        ident = device.get("qdev_id")
        if isinstance(ident, str) and ident:
            slot, _, function = slots.rpartition(":")[2].partition(".")
            places[ident] = (int(slot, 16), int(function, 16))
    return places


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
