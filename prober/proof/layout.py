"""Where in a live machine the things stand that a line asked for: paths in QOM, by what was asked of the QEMU."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pydantic import JsonValue

from prober.commandline.aliases import DEVICE_ALIASES
from prober.proof.given import Given
from prober.qemu.qom import qom_children

#: How deep below ``/machine`` devices are looked for: the PM of pc stands at depth 3 from QEMU 8.0 on.
DEPTH = 4

#: How many objects are looked into, whatever a machine has.
MOST_OBJECTS = 4000

#: Objects with nothing of interest in them; most of what a machine consists of.
_CHILDLESS = ("memory-region", "irq", "IRQ", "-cpu")

_NUMBER = re.compile(r"device\[(\d+)\]")


@dataclass
class Layout:
    """``live`` are the paths of all devices by type; ``anonymous`` those that ``-device`` made without an id, by type,
    in the order of their making.  ``cpu`` is the path of the first CPU, empty where there is none.
    """

    live: dict[str, list[str]] = field(default_factory=dict)
    anonymous: dict[str, list[str]] = field(default_factory=dict)
    cpu: str = ""

    def note(self, parent: str, listed: JsonValue, holds: Callable[[str], bool] = lambda kind: True) -> list[str]:
        """Take over one answer of ``qom-list``; returns the paths that are to be listed next: of all that may have
        something of interest in it, as far as its type tells (``holds``)."""
        below: list[str] = []
        children = sorted(qom_children(listed), key=lambda child: _order(child[0]))
        for name, kind in children:
            path = f"{parent}/{name}"
            self.live.setdefault(kind, []).append(path)
            if parent == "/machine/peripheral-anon":
                self.anonymous.setdefault(kind, []).append(path)
            if not kind.endswith(_CHILDLESS) and holds(kind):
                below.append(path)
        return below

    def path_of(self, number: int, given: Given) -> str:
        """The path of a device; ``number`` counts those of its type that have no id, in the order of their making."""
        if given.id:
            return f"/machine/peripheral/{given.id}"
        paths = self.anonymous.get(type_of(given), [])
        return paths[number] if number < len(paths) else ""


def type_of(given: Given) -> str:
    """The QOM type of a ``-device``."""
    driver = given.type
    return DEVICE_ALIASES.get(driver, driver)


def in_order_of_making(devices: Iterable[Given], *, reads_json: bool) -> list[Given]:
    """``-device`` options as QEMU makes them: those in ``key=value`` before those in JSON (``system/vl.c``,
    ``qemu_create_cli_devices``), where JSON is read at all."""
    every = [*devices]
    later = [one for one in every if reads_json and (one.value or "").startswith("{")]
    return [one for one in every if one not in later] + later


def _order(name: str) -> tuple[int, str]:
    found = _NUMBER.fullmatch(name)
    return (int(found[1]) if found else -1, name)
