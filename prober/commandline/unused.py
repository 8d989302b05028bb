"""A ``-global`` that QEMU would take and not use: for a device that neither the machine nor the command line has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from prober.capabilities import Capabilities
from prober.commandline.kept import KeptPerBinary
from prober.commandline.line import Line, switch
from prober.commandline.machines.family import X86_TARGETS, MachineKind
from prober.commandline.machines.find import FAMILIES
from prober.commandline.own_slots import network_cards, network_words
from prober.commandline.refusal import Finding, Kind


def find_unused(line: Line) -> Iterator[Finding]:
    """The globals that nothing on this machine would read, as far as that is known.

    Known are the devices that pc and q35 are made of.  A global for any other type that the command line does not
    make is *unknown*: another device may have it inside.
    """
    made = {*line.by_type, *line.family.further}
    lacking_of: dict[str, tuple[str, str] | None] = {}
    for option in line.settings:
        driver = option.driver
        if not _is_type(driver, line.caps):
            continue  # said already
        if driver not in lacking_of:
            kin = _kin_of(driver, line.caps)
            lacking_of[driver] = _lacking(driver, kin.homes, line) if kin.types.isdisjoint(made) else None
        lacking = lacking_of[driver]
        if lacking is not None:
            machine, hint = lacking
            yield Finding(
                kind=Kind.ignored,
                place=option.setting.place,
                part=option.fact,
                message=f"{machine} has no {driver}, and QEMU would ignore this",
                qemu_name=option.fact,
                hint=hint,
                rule="line/global-unused",
            )


def soften(found: list[Finding], line: Line) -> list[Finding]:
    """What stands against a global whose device nothing on this line makes: QEMU never reads it, so it is no error.

    A global is held against its property when a device of its type is made, and not before
    (``hw/core/qdev-properties.c``, ``qdev_prop_set_globals``; ``qom/object.c``, ``object_apply_global_props``).
    """
    if line.kind == "other" or line.is_open or not any(finding.kind is Kind.error for finding in found):
        return found
    made = _certain(line)
    unread = {
        option.fact
        for option in line.settings
        if made.isdisjoint(_descendants(option.driver, line.caps)) and not _is_tried(option.driver, line)
    }
    return [
        finding.model_copy(
            update={
                "kind": Kind.ignored,
                "hint": finding.hint or "nothing here makes such a device, and QEMU ignores this",
            }
        )
        if finding.kind is Kind.error and finding.qemu_name in unread
        else finding
        for finding in found
    ]


def _is_tried(driver: str, line: Line) -> bool:
    """Whether QEMU makes one of these just to see if it is a network card (``net/net.c``, ``qemu_get_nic_models``):
    when it makes cards for a PCI bus, and in later versions always."""
    if line.kind not in ("pc", "q35") or line.caps.property_of(driver, "netdev") is None:
        return False
    return network_cards(line) != 0 or line.caps.version.numbers >= (8, 0, 0)


def _certain(line: Line) -> set[str]:
    """The types of devices that are made on this line for certain."""
    made = {*line.by_type, *line.family.builtin}
    # A virtio device on a bus has the device itself inside (``hw/virtio/virtio-pci.c``).
    made.update(f"{match[1]}-device" for name in line.by_type if (match := _ON_PCI.fullmatch(name)))
    for option in line.plain.get("-vga", ()):
        made.add(_DISPLAY_TYPES.get((option.value or "").partition(",")[0], ""))
    made.update(_network_cards(line), _of_drives(line))
    for option in (*line.plain.get("-watchdog", ()), *line.plain.get("-soundhw", ())):
        made.add(option.value or "")
    made.update(("migration",), line.family.further)
    if line.family.targets <= X86_TARGETS:
        made.update(_ANY_X86)
    model = (line.keyval["-cpu"][-1].first if "-cpu" in line.keyval else "") or _own_model(line)
    made.add(f"{model}-{line.family.cpu_suffix or 'x86_64'}-cpu")
    if switch(line.machine_value("hpet")) is False:
        made.discard("hpet")
    if line.has_usb:
        made.update(line.family.usb)
    return made


def _own_model(line: Line) -> str:
    """The CPU that the machine has where none is named."""
    default = line.machine.default_cpu_type if line.machine is not None and line.family.cpu_suffix else None
    return (default or "qemu64").removesuffix(f"-{line.family.cpu_suffix}-cpu")


def _network_cards(line: Line) -> Iterator[str]:
    """The types of cards of ``-net`` and ``-nic``, or that of the defaults."""
    for flag, pairs in network_words(line):
        if pairs.get("type") == "nic" or flag == "-nic":
            model = str(pairs.get("model", line.family.card))
            yield "virtio-net-pci" if model == "virtio" else model
    if network_cards(line) and not line.plain.keys() & {"-net", "-nic"}:
        yield line.family.card


def _of_drives(line: Line) -> Iterator[str]:
    """The types of what the machine makes of drives."""
    interfaces = {str(value) for value in line.values("-drive", "if")} | {"ide" for _ in line.keyval.get("-drive", ())}
    interfaces.update("ide" for flag in ("-hda", "-hdb", "-hdc", "-hdd", "-cdrom") if flag in line.plain)
    for interface in interfaces:
        yield from _OF_DRIVES.get(interface, ())


#: What a virtio device on PCI is called.
_ON_PCI = re.compile(r"(.+)-pci(?:-non-transitional|-transitional)?")

#: The types of what options make, by their words (``system/vl.c``, ``vga_interfaces``; ``blockdev.c``, ``drive_new``).
_DISPLAY_TYPES = {
    "std": "VGA",
    "cirrus": "cirrus-vga",
    "vmware": "vmware-svga",
    "qxl": "qxl-vga",
    "virtio": "virtio-vga",
}
_OF_DRIVES = {"ide": ("ide-hd", "ide-cd"), "virtio": ("virtio-blk-pci", "virtio-blk-device"), "floppy": ("floppy",)}

#: What each machine of x86 has besides (``info qtree`` of 5.2, 7.2, 10.0 and 11.1).  A display, serial port or drive of
#: the defaults is none of these: a global for it keeps QEMU from making it (``system/vl.c``, ``default_driver_check``).
_ANY_X86 = ("apic", "kvmvapic", "ps2-kbd", "ps2-mouse")


def _is_type(name: str, caps: Capabilities) -> bool:
    return name in (caps.types or ()) or name in (caps.abstract_types or ())


def _lacking(driver: str, homes: frozenset[MachineKind], line: Line) -> tuple[str, str] | None:
    """The machine, if it has no device of this type, and what would help; None as well where nothing is known."""
    if not homes or line.kind == "other" or line.machine is None:
        return None
    machine = f"machine {line.machine.name}"
    if line.kind not in homes:
        return machine, "remove it"
    if driver == "PIIX4_PM" and not line.has_acpi:
        return f"{machine} without ACPI", "turn ACPI on, or remove it"
    return None


class _Kin(NamedTuple):
    """A type and all that are derived from it, and the families of machines that have a device of these built in."""

    types: frozenset[str]
    homes: frozenset[MachineKind]


#: Those of the types that a binary has.
_KIN: KeptPerBinary[dict[str, _Kin]] = KeptPerBinary(dict)


def _kin_of(driver: str, caps: Capabilities) -> _Kin:
    """The kin of a type, which is one that the binary has: anybody may make up others."""
    kept = _KIN.of(caps)
    found = kept.get(driver)
    if found is None:
        types = _descendants(driver, caps)
        homes = frozenset(family.kind for family in FAMILIES if types & family.builtin)
        found = kept[driver] = _Kin(types, homes)
    return found


def _descendants(typename: str, caps: Capabilities) -> frozenset[str]:
    """A type and all that are derived from it: a global for an abstract type is one for its children."""
    found, waiting = {typename}, [typename]
    while waiting:
        for child in caps.children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return frozenset(found)
