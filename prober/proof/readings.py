"""What is read back from a live QEMU: each property that the line gave a device, an object, the machine or the CPU."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from prober.commandline.json_form import takes_json
from prober.proof.bench import Bench
from prober.proof.given import Given
from prober.proof.layout import Layout, in_order_of_making, type_of

#: Members of an option that are no property of what it makes.
_NO_PROPERTIES = frozenset(("driver", "id", "qom-type", "type", "accel"))

#: What is never read: secrets (QEMU, ``crypto/secret.c``, ``qapi/qom.json``).
_NEVER_READ = frozenset(("data", "keyid", "iv", "password", "passwordid", "file", "loaded"))
_SECRET_TYPES = ("secret", "secret_keyring")

#: ``driver.property=value`` (QEMU, ``system/qdev-monitor.c``, ``qemu_global_option``).
_GLOBAL = re.compile(r"([^.=]{1,63})\.([^=]{1,63})=(.*)", re.DOTALL)

#: Properties that a device hands on to another that it makes, and has no more (QEMU, ``hw/usb/dev-storage-classic.c``,
#: ``usb_msd_storage_realize``; ``hw/block/fdc.c``, ``fdctrl_connect_drives``; ``hw/ufs/lu.c``;
#: ``hw/nvme/ns.c``, ``nvme_ns_realize``).
_HANDED_ON = frozenset(
    (
        ("usb-storage", "drive"), ("usb-storage", "bootindex"), ("ufs-lu", "drive"), ("nvme-ns", "bus"),
        ("isa-fdc", "driveA"), ("isa-fdc", "driveB"),
    )
)  # fmt: skip

#: Keys of ``-machine`` that are handed on to the accelerator.
_OF_ACCELERATOR = frozenset(("kernel-irqchip", "kvm-shadow-mem"))


@dataclass(frozen=True, slots=True)
class Reading:
    """One property to read, at a path in QOM, and what it was ``given``; ``part`` is the member of the option."""

    option: Given
    part: str
    path: str
    name: str
    given: JsonValue


def readings_of(bench: Bench, layout: Layout) -> list[Reading]:
    """All that can be read of what the line was started with.

    What something stands in for, and what the line gave no value of its own, is not read.
    """
    replaced = {(item.position, item.part) for item in bench.replaced}
    found = [*_of_devices(bench, layout), *_of_objects(bench), *_of_machine(bench), *_of_cpu(bench, layout)]
    found += _of_globals(bench, layout)
    return [one for one in found if (one.option.position, one.part) not in replaced]


def _options(bench: Bench, *flags: str) -> list[Given]:
    return [one for one in bench.line if one.flag in flags and not one.is_left_out and one.value is not None]


def _of_devices(bench: Bench, layout: Layout) -> Iterator[Reading]:
    counted: Counter[str] = Counter()
    for option in in_order_of_making(_options(bench, "-device"), reads_json=takes_json("-device", bench.caps)):
        kind = type_of(option)
        path = layout.path_of(counted[kind], option)
        if not option.id:
            counted[kind] += 1
        if path:
            yield from _of_members(option, path)


def _of_members(option: Given, path: str) -> Iterator[Reading]:
    members = option.members
    for name in members.names() if members is not None else []:
        if members is None or name in _NO_PROPERTIES or name in _NEVER_READ or (option.type, name) in _HANDED_ON:
            continue
        value = members.value(name)
        if value is None:
            continue  # an object in key=value, of which QOM has one property
        yield Reading(option, name, path, "parent_bus" if name == "bus" else name, value)


def _of_objects(bench: Bench) -> Iterator[Reading]:
    for option in _options(bench, "-object"):
        if option.type not in _SECRET_TYPES and option.id:
            yield from _of_members(option, f"/objects/{option.id}")


def _of_machine(bench: Bench) -> Iterator[Reading]:
    """Options of one name are merged, and the last word is QEMU's."""
    last: dict[str, Reading] = {}
    for option in _options(bench, "-machine", "-M"):
        for reading in _of_members(option, "/machine"):
            name = reading.name.replace("_", "-")
            if name not in _OF_ACCELERATOR:
                last[name] = Reading(option, reading.part, "/machine", name, reading.given)
    yield from last.values()


def _of_cpu(bench: Bench, layout: Layout) -> Iterator[Reading]:
    options = _options(bench, "-cpu")
    if not options or not layout.cpu:
        return
    features: dict[str, Reading] = {}
    for part, value in cpu_features(options[-1].value or ""):
        name = part.replace("_", "-")
        features[name] = Reading(options[-1], part, layout.cpu, name, value)
    yield from features.values()


def cpu_features(text: str) -> Iterator[tuple[str, str]]:
    """The features of a ``-cpu``, each with its value; ``+x`` is on and ``-x`` off, and these count last (QEMU,
    ``target/i386/cpu.c``, ``x86_cpu_parse_featurestr``)."""
    words = text.split(",")[1:]
    for word in words:
        if word and word[0] not in "+-":
            name, equals, value = word.partition("=")
            yield name, value if equals else "on"
    for sign, value in (("+", "on"), ("-", "off")):
        for word in words:
            if word.startswith(sign):
                yield word[1:], value


def drivers_of_globals(bench: Bench) -> set[str]:
    """The types that a ``-global`` of the line is for."""
    return {driver for driver, _ in named_by_globals(bench)}


def named_by_globals(bench: Bench) -> set[tuple[str, str]]:
    """The type and the property of each ``-global`` of the line."""
    found = (_GLOBAL.fullmatch(option.value or "") for option in _options(bench, "-global"))
    return {(match[1], match[2]) for match in found if match is not None}


def _of_globals(bench: Bench, layout: Layout) -> Iterator[Reading]:
    last: dict[tuple[str, str], Reading] = {}
    for option in _options(bench, "-global"):
        found = _GLOBAL.fullmatch(option.value or "")
        if found is None:
            continue
        driver, name, value = found.groups()
        for path in layout.live.get(driver, []):
            # A device's own -device has the last word.
            if "/peripheral" not in path:
                last[path, name] = Reading(option, name, path, name, value)
    yield from last.values()
