"""Where a machine has what was plugged in, and whether any guest can see it there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from prober.capabilities import Capabilities
from prober.commandline.device_types import device_type
from prober.commandline.refusal import Kind
from prober.commandline.report import ArgvFinding
from prober.proof.equal import slot_of
from prober.proof.outcome import live_finding
from prober.proof.pci import pci_places
from prober.qemu.asking import ask_all
from prober.qemu.qom import qom_entries, qom_get, qom_list
from prober.qemu.questions import Question
from prober.qemu.session import Session
from prober.rehearsal.unheard import why_unheard

_PERIPHERAL = "/machine/peripheral"

#: What a bus calls the devices on it.
_CHILD = re.compile(r"child\[\d+\]")

#: Controllers whose own bus takes nothing later (QEMU 5.2 to 11.1, ``hw/audio/intel-hda.c``).
_STAYS_EMPTY = {
    "intel-hda": "no codec can be plugged into its bus later",
    "ich9-intel-hda": "no codec can be plugged into its bus later",
}


@dataclass(frozen=True)
class PluggedDevice:
    """A device that was plugged in: the ``number`` of its command, its id and type, and what the machine tells of it.

    ``bus`` is the path of its bus, ``parent`` the type of the device that has the bus.  ``place`` is slot and function
    of one on PCI, ``seen`` where it is in the words of the command that told.  ``unheard`` is why no guest hears of it.
    """

    number: int
    name: str
    kind: str
    bus: str
    parent: str
    place: tuple[int, int] | None
    seen: str
    has_function_0: bool
    unheard: str


async def look_at_device(session: Session, number: int, name: str, caps: Capabilities) -> PluggedDevice:
    """What the machine tells of a device of this id.

    :raise QemuError: where the QEMU ends, or does not answer as QMP has it.
    """
    path = f"{_PERIPHERAL}/{name}"
    kind, bus, addr, pci, memory, cpus = await ask_all(
        session,
        [
            qom_get(path, "type"),
            qom_get(path, "parent_bus"),
            qom_get(path, "addr"),
            *(Question(command) for command in ("query-pci", "query-memory-devices", "query-hotpluggable-cpus")),
        ],
    )
    is_pci = "pci-device" in device_type(str(kind.reply), caps).lineage
    place = slot_of(addr.reply) if is_pci else None
    bus_path = bus.reply if isinstance(bus.reply, str) else ""
    (told,) = await ask_all(session, [qom_get(bus_path.rpartition("/")[0], "type")])
    parent = str(told.reply or "") if bus_path else ""
    unheard = await why_unheard(session, bus_path) if place is not None else ""
    others = await _places_on(session, bus_path) if place is not None and place[1] else frozenset()
    by = "query-pci" if name in pci_places(pci.reply) else "qom-get"
    seen = _in_memory(memory.reply, name) or _in_cpus(cpus.reply, path) or _on_bus(by, bus_path, place)
    has_first = place is not None and (place[0], 0) in others
    return PluggedDevice(number, name, str(kind.reply or ""), bus_path, parent, place, seen, has_first, unheard)


def _on_bus(by: str, bus: str, place: tuple[int, int] | None) -> str:
    if not bus:
        return ""
    slot = "" if place is None else f", slot {place[0]:02x}.{place[1]}"
    return f"{by}: on {bus.rpartition('/')[2]}{slot}"


async def _places_on(session: Session, bus: str) -> frozenset[tuple[int, int]]:
    """Slot and function of all that is on a PCI bus."""
    (listed,) = await ask_all(session, [qom_list(bus)])
    names = [name for name, _ in qom_entries(listed.reply) if _CHILD.fullmatch(name)]
    paths = [str(one.reply) for one in await ask_all(session, [qom_get(bus, name) for name in names])]
    answers = await ask_all(session, [qom_get(path, "addr") for path in paths])
    return frozenset(place for answer in answers if (place := slot_of(answer.reply)) is not None)


def _in_memory(reply: JsonValue, name: str) -> str:
    for entry in reply if isinstance(reply, list) else []:
        data = entry.get("data") if isinstance(entry, Mapping) else None
        if isinstance(data, Mapping) and data.get("id") == name:
            where = f"{data.get('size')} bytes at {data.get('addr', data.get('memaddr'))}"
            slot = f", slot {data['slot']}" if "slot" in data else ""
            return f"query-memory-devices: {where}{slot}"
    return ""


def _in_cpus(reply: JsonValue, path: str) -> str:
    for entry in reply if isinstance(reply, list) else []:
        if isinstance(entry, Mapping) and entry.get("qom-path") == path and isinstance(entry.get("props"), Mapping):
            props = entry["props"]
            assert isinstance(props, Mapping)
            return "query-hotpluggable-cpus: " + ", ".join(f"{name} {value}" for name, value in props.items())
    return ""


def useless(plugged: PluggedDevice, machine: str, caps: Capabilities) -> Iterator[ArgvFinding]:
    """Why a device that was taken is of no use to the guest.

    A port has one slot, and a guest looks at no other (PCI Express, 7.3.1; Linux, ``only_one_child``); of any slot it
    looks at function 0 first, and at no other where that is not there (``pci_scan_slot``).
    """
    lineage = device_type(plugged.kind, caps).lineage
    behind_port = "pcie-slot" in device_type(plugged.parent, caps).lineage
    port = plugged.bus.rpartition("/")[2]
    if plugged.place is not None and behind_port and plugged.place[0] != 0:
        text = f"no guest looks at slot {plugged.place[0]:02x} of {port}: behind a port there is slot 0 alone"
        yield _of_no_use(plugged, "addr", text, "leave addr out, or write 0; one port takes one device")
    elif plugged.place is not None and plugged.place[1] and not plugged.has_function_0:
        text = f"no guest sees function {plugged.place[1]} before function 0 of its slot is there"
        yield _of_no_use(plugged, "addr", text, "plug in function 0 behind it")
    if plugged.unheard:
        yield _of_no_use(plugged, "bus", f"no guest hears of it on {port}: {plugged.unheard}", "")
    if "pcie-root-port-base" in lineage and behind_port:
        text = f"a root port below {port} is of no use: root ports belong on the root bus"
        yield _of_no_use(plugged, "bus", text, "start the guest with as many root ports as it may need")
    if plugged.kind in _STAYS_EMPTY:
        yield _of_no_use(plugged, "driver", f"{plugged.kind} stays empty: {_STAYS_EMPTY[plugged.kind]}", "")
    if "cpu" in lineage and machine and not _tells_of_cpus(machine, caps):
        text = f"the machine {machine} tells no guest of a CPU that comes later"
        yield _of_no_use(plugged, "driver", text, "")


def _of_no_use(plugged: PluggedDevice, part: str, text: str, hint: str) -> ArgvFinding:
    return live_finding(plugged.number, "device_add", part, Kind.ignored, text, plugged.kind, hint, rule="live/no-use")


def _tells_of_cpus(name: str, caps: Capabilities) -> bool:
    machine = (caps.machines or {}).get(name)
    return machine is None or machine.hotpluggable_cpus
