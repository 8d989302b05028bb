"""A live machine asked for what its guest sees of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import JsonValue

from prober.proof.descent import looks_into
from prober.proof.given import given_options
from prober.proof.hotplug import kind_of
from prober.proof.layout import Layout
from prober.proof.live import HOTPLUG, live_buses, look_around
from prober.proof.pci import walk_pci
from prober.proof.readings import drivers_of_globals, named_by_globals
from prober.qemu.qom import qom_children, qom_entries, qom_get, qom_list
from prober.qemu.questions import Question
from prober.rehearsal.pair import PairSide
from prober.rehearsal.places import PLACE_NAMES, guest_places
from prober.rehearsal.unseen import is_seen
from prober.rehearsal.view import GuestView, SeenDevice

#: Where QOM has the devices of the line, and those that were plugged in.
_HOMES = ("/machine/peripheral", "/machine/peripheral-anon")

#: The most devices and properties that are looked at, and the longest value (characters of its text).
_MOST_DEVICES, _MOST_PROPERTIES, _MOST_VALUE = 2000, 2000, 4000

#: What a CPU has beside its features (QEMU 5.2 to 11.1, ``target/i386/cpu.c``, ``target/arm/cpu.c``).
_OF_CPU = frozenset(
    ("family", "model", "stepping", "vendor", "model-id", "level", "xlevel", "phys-bits", "tsc-frequency", "midr")
)

#: Options that make what a guest sees, and that no device has as a property.
_SEEN_OPTIONS = (
    "-fw_cfg",
    "-smbios",
    "-acpitable",
    "-boot",
    "-rtc",
    "-icount",
    "-kernel",
    "-append",
    "-initrd",
    "-dtb",
)


async def read_view(side: PairSide, globals_too: Iterable[tuple[str, str]] = (), *, hyperv: bool = True) -> GuestView:
    """What the guest of this machine sees.

    ``globals_too`` are properties, by type and name, that are read of the machine's own devices, besides those that the
    line gave by ``-global``.  Without ``hyperv`` what a CPU has of Hyper-V is not read: it is off in both.

    :raise SideEnded: when the QEMU ended.
    :raise QemuError: for all else that it does wrong.
    """
    bench = side.standing.bench
    wanted = named_by_globals(bench) | {*globals_too}
    drivers = drivers_of_globals(bench) | {driver for driver, _ in wanted}
    layout, _ = await side.guarded(look_around(side.standing.session, looks_into(bench.caps, drivers)))
    devices = await _read_devices(side)
    values = await _read_values(side, layout, wanted, hyperv=hyperv)
    values.update(await _hotplug(side, layout, devices))
    values.update(_disks((await side.ask(Question("query-block"))).reply, devices))
    values.update(_options(side.scene.words))
    return GuestView(devices, values)


def _options(words: Sequence[str]) -> Iterator[tuple[tuple[str, str], JsonValue]]:
    """The options that are seen, each with all its values in their order."""
    line = given_options([*words])
    for flag in _SEEN_OPTIONS:
        values: list[JsonValue] = [one.value for one in line if one.flag == flag]
        yield ("option", flag), values


async def _read_devices(side: PairSide) -> tuple[SeenDevice, ...]:
    listed = await side.ask_all([qom_list(home) for home in _HOMES])
    found = [
        (kind, name if home == _HOMES[0] else "", f"{home}/{name}")
        for home, answer in zip(_HOMES, listed, strict=True)
        for name, kind in qom_children(answer.reply)
    ][:_MOST_DEVICES]
    lists = await side.ask_all([qom_list(path) for _, _, path in found])
    names = [_wanted_of(kind, answer.reply) for (kind, _, _), answer in zip(found, lists, strict=True)]
    questions = [
        qom_get(path, name) for (_, _, path), properties in zip(found, names, strict=True) for name in properties
    ]
    answers = iter(await side.ask_all(questions))
    read = [{name: _short(next(answers).reply) for name in properties} for properties in names]
    places = guest_places([(kind, path, values) for (kind, _, path), values in zip(found, read, strict=True)])
    return tuple(
        SeenDevice(
            kind, ident, path, place, pci, {name: value for name, value in values.items() if is_seen(kind, name)}
        )
        for (kind, ident, path), (place, pci), values in zip(found, places, read, strict=True)
    )


def _wanted_of(kind: str, listed: JsonValue) -> list[str]:
    """The properties of a device that are read: what a guest sees, and what tells where it stands."""
    return [name for name in _properties(listed) if name in PLACE_NAMES or is_seen(kind, name)]


def _properties(listed: JsonValue) -> list[str]:
    """The properties that have a value of their own: no children, no links but to the bus, no old forms."""
    names = [
        name
        for name, kind in qom_entries(listed)
        if not name.startswith("legacy-") and (name == "parent_bus" or not kind.startswith(("child<", "link<")))
    ]
    return names[:_MOST_PROPERTIES]


def _short(value: JsonValue) -> JsonValue:
    return value if len(str(value)) <= _MOST_VALUE else str(value)[:_MOST_VALUE]


_Values = dict[tuple[str, str], JsonValue]


async def _read_values(side: PairSide, layout: Layout, wanted: set[tuple[str, str]], *, hyperv: bool) -> _Values:
    """What is no device of the line: the machine, its CPUs, its memory, its PCI devices, and its own devices."""
    cpus, memory, uuid, pci = await side.ask_all(
        [Question(name) for name in ("query-hotpluggable-cpus", "query-memory-devices", "query-uuid", "query-pci")]
    )
    values = await _read_properties(side, layout, wanted, hyperv=hyperv)
    if layout.cpu:
        features = await side.ask(qom_get(layout.cpu, "feature-words"))
        values.update(_feature_words(features.reply))
    values.update(_cpus(cpus.reply))
    values.update(_memory_devices(memory.reply))
    values.update(_pci(pci.reply))
    values["machine", "uuid"] = uuid.reply.get("UUID") if isinstance(uuid.reply, Mapping) else None
    return values


async def _read_properties(side: PairSide, layout: Layout, wanted: set[tuple[str, str]], *, hyperv: bool) -> _Values:
    """The properties of the machine, of its first CPU, and of its own devices as far as they are ``wanted``."""
    machine, cpu = await side.ask_all([qom_list(one) for one in ("/machine", layout.cpu or "/")])
    names = dict.fromkeys(["type", *_properties(machine.reply)])
    asked = [("machine", "/machine", name) for name in names if is_seen("machine", name)]
    if layout.cpu:
        # Each costs half a millisecond, as QEMU reads what it is asked byte by byte.
        asked += [("cpu", layout.cpu, name) for name in _properties(cpu.reply) if _is_of_cpu(name, hyperv=hyperv)]
    asked += _of_own_devices(layout, wanted)
    answers = await side.ask_all([qom_get(path, name) for _, path, name in asked])
    values: _Values = {}
    for (what, _, name), answer in zip(asked, answers, strict=True):
        if answer.error is None:
            values.update(_split(what, name, _short(answer.reply)))
    return values


def _is_of_cpu(name: str, *, hyperv: bool) -> bool:
    return name in _OF_CPU or (hyperv and name.startswith("hv-"))


def _of_own_devices(layout: Layout, wanted: set[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Those of hot-plug, and what is ``wanted``: the type, the path, and the name."""
    every = wanted | {(driver, name) for driver, names in HOTPLUG.items() for name in names}
    return [(driver, path, name) for driver, name in sorted(every) for path in _own(layout, driver)]


def _own(layout: Layout, driver: str) -> list[str]:
    """The machine's own devices of a type; those of the line are read in full."""
    return [path for path in layout.live.get(driver, []) if "/peripheral" not in path][:8]


async def _hotplug(
    side: PairSide, layout: Layout, devices: Sequence[SeenDevice]
) -> Mapping[tuple[str, str], JsonValue]:
    """Who handles hot-plug on each bus but the root: there somebody is named from QEMU 8.0 on, whether anything may be
    plugged in or not, and the options tell."""
    places = {device.path: device.place for device in devices}
    buses = await side.guarded(live_buses(side.standing.session, layout))
    return {
        ("hot-plug", places.get(bus.path.rpartition("/")[0], bus.name)): kind_of(bus)
        for bus in buses
        if bus.name not in ("pci.0", "pcie.0")
    }


def _split(what: str, name: str, value: JsonValue) -> Iterator[tuple[tuple[str, str], JsonValue]]:
    """A property that has members (``smp``, ``memory``, ``boot``) is a value for each."""
    if not isinstance(value, Mapping):
        yield (what, name), value
        return
    for part, of_it in value.items():
        yield (what, f"{name}.{part}"), of_it


def _feature_words(reply: JsonValue) -> Iterator[tuple[tuple[str, str], JsonValue]]:
    for word in reply if isinstance(reply, list) else []:
        if isinstance(word, Mapping):
            leaf, subleaf = word.get("cpuid-input-eax"), word.get("cpuid-input-ecx")
            place = f"CPUID {leaf:#x}" if isinstance(leaf, int) else "CPUID"
            place += f".{subleaf:#x}" if isinstance(subleaf, int) else ""
            yield ("cpu features", f"{place} {word.get('cpuid-register')}"), word.get("features")


def _cpus(reply: JsonValue) -> Iterator[tuple[tuple[str, str], JsonValue]]:
    slots = [slot for slot in reply if isinstance(slot, Mapping)] if isinstance(reply, list) else []
    if slots:
        yield ("cpus", "places"), len(slots)
        yield ("cpus", "present"), sum("qom-path" in slot for slot in slots)
        yield ("cpus", "type"), slots[0].get("type")
    for number, slot in enumerate(reversed(slots)):
        props = slot.get("props")
        for name, value in props.items() if isinstance(props, Mapping) else []:
            yield (f"cpu {number}", name), value


def _memory_devices(reply: JsonValue) -> Iterator[tuple[tuple[str, str], JsonValue]]:
    for number, device in enumerate(reply if isinstance(reply, list) else []):
        data = device.get("data") if isinstance(device, Mapping) else None
        for name in ("addr", "size", "slot", "node"):
            if isinstance(data, Mapping) and name in data:
                yield (f"memory device {number}", name), data[name]


def _pci(reply: JsonValue) -> Iterator[tuple[tuple[str, str], JsonValue]]:
    for slots, device in walk_pci(reply):
        kind, numbers = device.get("class_info"), device.get("id")
        yield (f"PCI {slots}", "class"), kind.get("class") if isinstance(kind, Mapping) else None
        for name, value in numbers.items() if isinstance(numbers, Mapping) else []:
            yield (f"PCI {slots}", name), value
        regions = device.get("regions")
        for region in regions if isinstance(regions, list) else []:
            if isinstance(region, Mapping):
                yield (
                    (f"PCI {slots}", f"BAR {region.get('bar')}"),
                    f"{region.get('size')} bytes of {region.get('type')}",
                )


def _disks(reply: JsonValue, devices: Sequence[SeenDevice]) -> Iterator[tuple[tuple[str, str], JsonValue]]:
    places = {device.path: device.place for device in devices}
    for disk in reply if isinstance(reply, list) else []:
        inserted = disk.get("inserted") if isinstance(disk, Mapping) else None
        image = inserted.get("image") if isinstance(inserted, Mapping) else None
        if isinstance(disk, Mapping) and isinstance(inserted, Mapping) and isinstance(image, Mapping):
            path = str(disk.get("qdev") or disk.get("device")).removesuffix("/virtio-backend")
            where = places.get(path, path)
            yield (f"disk of {where}", "size"), image.get("virtual-size")
            yield (f"disk of {where}", "read-only"), inserted.get("ro")
