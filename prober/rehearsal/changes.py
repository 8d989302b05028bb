"""What a guest would see change between two machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.rehearsal.models import GuestChange
from prober.rehearsal.unseen import are_same
from prober.rehearsal.view import GuestView, SeenDevice

#: More than anybody reads.
_MOST = 200


def seen_changes(here: GuestView, there: GuestView) -> tuple[GuestChange, ...]:
    """Every difference, devices first.

    What only one of two QEMUs has a property for is no difference: the other has what the first calls by a name.
    """
    return tuple([*_of_devices(here, there), *_of_values(here, there)][:_MOST])


def _of_devices(here: GuestView, there: GuestView) -> Iterator[GuestChange]:
    left, right = _by_place(here), _by_place(there)
    for place, device in left.items():
        other = right.get(place)
        if other is None:
            yield GuestChange(where=str(device), part="", here=device.kind, there=None)
        elif other.kind != device.kind:
            yield GuestChange(where=str(device), part="", here=device.kind, there=other.kind)
        else:
            yield from changes_of(device, other)
    for place, device in right.items():
        if place not in left:
            yield GuestChange(where=str(device), part="", here=None, there=device.kind)


def _by_place(view: GuestView) -> Mapping[str, SeenDevice]:
    return {device.place: device for device in view.devices}


def changes_of(here: SeenDevice, there: SeenDevice) -> Iterator[GuestChange]:
    """How one device differs from another of its kind."""
    for name, value in sorted(here.properties.items()):
        if name in there.properties and not are_same(name, value, there.properties[name]):
            yield GuestChange(where=str(here), part=name, here=value, there=there.properties[name])


def _of_values(here: GuestView, there: GuestView) -> Iterator[GuestChange]:
    wholes = ("cpu ", "memory device ", "PCI ", "disk of ")
    for (where, part), value in here.values.items():
        if (where, part) in there.values:
            if not are_same(part, value, there.values[where, part]):
                yield GuestChange(where=where, part=part, here=value, there=there.values[where, part])
        elif where.startswith(wholes) and not _has(there, where):
            yield GuestChange(where=where, part=part, here=value, there=None)
    for (where, part), value in there.values.items():
        if (where, part) not in here.values and where.startswith(wholes) and not _has(here, where):
            yield GuestChange(where=where, part=part, here=None, there=value)


def _has(view: GuestView, where: str) -> bool:
    return any(one == where for one, _ in view.values)
