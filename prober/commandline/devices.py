"""``-device`` and ``-global``, held against the QOM types of the binary and their properties."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prober.capabilities import Capabilities, Verdict
from prober.commandline.aliases import DEVICE_ALIASES, NEEDED_PROPERTIES, NOT_PLUGGABLE
from prober.commandline.grounds import Grounds
from prober.commandline.kept import KeptPerBinary
from prober.commandline.machines.find import ON_SYSTEM_BUS, SYSTEM_BUS_TARGETS
from prober.commandline.options import DeviceOption, Global, Property
from prober.commandline.refusal import Finding, Kind, Origin
from prober.commandline.rules.names import PROPER_IDS_SINCE
from prober.commandline.text import Text, as_number

#: Keys of ``-device`` that qdev reads itself, and no type lists (QEMU, ``system/qdev-monitor.c``).
_QDEV_KEYS = frozenset({"driver", "id", "bus"})

#: An item of a list, by its number.
_ITEM = re.compile(r"([a-z-]{1,32})\[(\d{1,6})\]", re.ASCII)

#: Of the system bus, too, but for a rule of its own to judge.
_OF_XEN = frozenset({"xen-backend"})

#: Types that ``-device`` was found to make.
_SOUND_DRIVERS: KeptPerBinary[set[str]] = KeptPerBinary(set)


def check_device(option: DeviceOption, grounds: Grounds) -> Iterator[Finding]:
    """Its type can be made, has what it cannot be without, and has the properties that it is given."""
    typename = DEVICE_ALIASES.get(option.driver, option.driver)
    if typename not in _SOUND_DRIVERS.of(grounds.caps):
        fault = next(_driver(option.place, typename, grounds), None)
        if fault is not None:
            yield fault
            return
    yield from _needed(option, typename)
    for item in option.properties:
        if item.name not in _QDEV_KEYS:
            if not grounds.has_fitting(typename, item) and not _is_item(item.name, option, grounds):
                yield from grounds.property(typename, item)
        elif item.name == "id":
            yield from _id(item, grounds)


def _is_item(name: str, option: DeviceOption, grounds: Grounds) -> bool:
    """Whether a key is an item of a list whose length stands on the same line, as ``len-ports=1,ports[0]=a``.

    Until 6.1 properties are set in their order, and the length makes the items (``hw/core/qdev-properties.c``,
    ``set_prop_arraylen``); 7.2 sets them in the order of a hash, and has been seen to know no item.
    """
    match = _ITEM.fullmatch(name)
    if match is None or grounds.caps.version.numbers >= (6, 2, 0):
        return False
    said = next((item.value for item in option.properties if item.name == f"len-{match[1]}"), "")
    length = as_number(str(said))
    return length is not None and int(match[2]) < length


def _driver(place: Origin, typename: str, grounds: Grounds) -> Iterator[Finding]:
    """What is wrong with a type, whatever its properties."""
    caps = grounds.caps
    evidence = grounds.supports(typename)
    if typename in (caps.abstract_types or {}):
        message, rule = f"{typename} is abstract: QEMU makes only types that are derived from it", "option/abstract"
    elif not evidence.is_present:
        yield from grounds.require(evidence, place, part="driver", rule="option/type")
        return
    elif typename in NOT_PLUGGABLE or (
        caps.types is not None and (not _is_device(typename, caps) or _is_part(typename, caps))
    ):
        message, rule = f"{typename} is no device that -device can make", "option/not-pluggable"
    else:
        _SOUND_DRIVERS.of(caps).add(typename)
        return
    yield Finding(
        kind=Kind.error,
        place=place,
        part="driver",
        message=message,
        qemu_name=typename,
        evidence=evidence,
        rule=rule,
    )


def _is_device(typename: str, caps: Capabilities) -> bool:
    """Whether a type is derived from ``device``; where a parent is not told, it may be."""
    line = list(caps.ancestors(typename))
    return "device" in line or [typename, *line][-1] not in ("object", "interface")


def _is_part(typename: str, caps: Capabilities) -> bool:
    """Whether a type of the system bus is a part of machines alone, which is so unless a machine says otherwise."""
    return (
        caps.target in SYSTEM_BUS_TARGETS
        and typename not in ON_SYSTEM_BUS
        and typename not in _OF_XEN
        and "sys-bus-device" in caps.ancestors(typename)
    )


def _needed(option: DeviceOption, typename: str) -> Iterator[Finding]:
    for group in NEEDED_PROPERTIES.get(typename, ()):
        if all(item.name not in group for item in option.properties):
            yield Finding(
                kind=Kind.error,
                place=option.place,
                part=group[0],
                message=f"{typename} cannot be without {' or '.join(group)}",
                qemu_name=f"{typename}.{group[0]}",
                rule="option/missing",
            )


def _id(item: Property, grounds: Grounds) -> Iterator[Finding]:
    """An id in JSON, where it may be any text; as a part of a path an odd one ends QEMU, if the device looks for
    parts of its own there."""
    if isinstance(item.value, Text) or grounds.caps.version.numbers >= PROPER_IDS_SINCE:
        return
    if isinstance(item.value, str) and (not item.value or "/" in item.value):
        note = "with an id that is empty or has a slash, some devices end QEMU; which do is in no answer"
        yield from grounds.unknown("-device.id", note, item.place, part="id", rule="option/id")


def check_global(option: Global, grounds: Grounds) -> Iterator[Finding]:
    """There is such a type, and it has the property; whether anything of it is there, is told by the whole line."""
    evidence = grounds.supports(option.driver)
    if evidence.verdict is Verdict.absent:
        # QEMU takes a -global for what it does not know at all, and warns (``qdev_prop_check_globals``).
        yield Finding(
            kind=Kind.ignored,
            place=option.setting.place,
            part=option.fact,
            message=f"QEMU {grounds.caps.version} has no {option.driver}, and would ignore this",
            qemu_name=option.driver,
            evidence=evidence,
            rule="option/type",
        )
        return
    yield from grounds.property(option.driver, option.setting)
