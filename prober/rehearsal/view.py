"""What a guest sees of its machine, as two machines can be held against one another.

Devices are known by where they stand, and not by their ids, which no guest sees: by the bus, what it hangs on, and the
address there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue


@dataclass(frozen=True)
class SeenDevice:
    """A device of the line, or plugged in: ``place`` is where it stands, and ``pci`` its slots from the root on
    (``01.0:00.0``), empty where it is not on PCI.  ``path`` is where QOM has it."""

    kind: str
    ident: str
    path: str
    place: str
    pci: str = ""
    properties: Mapping[str, JsonValue] = field(default_factory=dict)

    def __str__(self) -> str:
        known = f"{self.kind} {self.ident}".strip()
        return f"{known} at {self.pci or self.place}"


#: A device in the words of :class:`SeenDevice`, with its id.
_WITH_ID = re.compile(r"\S+ (\S+) at ")


def ident_in(words: str) -> str:
    """The id of a device, in the words in which it is told of; empty where it has none, or they are of something else.

    >>> ident_in("virtio-net-pci net0 at 03.0"), ident_in("machine")
    ('net0', '')
    """
    found = _WITH_ID.match(words)
    return found[1] if found is not None else ""


@dataclass(frozen=True)
class GuestView:
    """One machine.  ``values`` are all that does not belong to a device of the line, each by what it is of and its
    name: ``("machine", "smm")``."""

    devices: tuple[SeenDevice, ...] = ()
    values: Mapping[tuple[str, str], JsonValue] = field(default_factory=dict)

    def on_pci(self, slots: str) -> SeenDevice | None:
        """The device at these slots."""
        return next((one for one in self.devices if one.pci == slots), None)

    def on_port(self, slots: str, port: str) -> SeenDevice | None:
        """The device at this port of the USB controller at these slots."""
        controller = self.on_pci(slots)
        above = "" if controller is None else f"{controller.place}."
        end = f"/port {port}"
        return next(
            (one for one in self.devices if above and one.place.startswith(above) and one.place.endswith(end)), None
        )
