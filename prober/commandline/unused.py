"""A ``-global`` that QEMU would take and not use: for a device that neither the machine nor the command line has."""

from __future__ import annotations

from collections.abc import Iterator

from prober.capabilities import Capabilities
from prober.commandline.aliases import BUILTIN_DEVICES, MachineKind
from prober.commandline.line import Line
from prober.commandline.refusal import Finding, Kind


def find_unused(line: Line) -> Iterator[Finding]:
    """The globals that nothing on this machine would read, as far as that is known.

    Known are the devices that pc and q35 are made of.  A global for any other type that the command line does not
    make is *unknown*: another device may have it inside.
    """
    made = set(line.by_type)
    homes_of: dict[str, set[MachineKind] | None] = {}
    for option in line.settings:
        driver = option.driver
        if not _is_type(driver, line.caps):
            continue  # said already
        if driver not in homes_of:
            homes_of[driver] = _homes(driver, made, line.caps)
        lacking = _lacking(driver, homes_of[driver], line)
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


def _is_type(name: str, caps: Capabilities) -> bool:
    return name in (caps.types or ()) or name in (caps.abstract_types or ())


def _lacking(driver: str, homes: set[MachineKind] | None, line: Line) -> tuple[str, str] | None:
    """The machine, if it has no device of this type, and what would help; None as well where nothing is known."""
    if not homes or line.kind == "other" or line.machine is None:
        return None
    machine = f"machine {line.machine.name}"
    if line.kind not in homes:
        return machine, "remove it"
    if driver == "PIIX4_PM" and not line.has_acpi:
        return f"{machine} without ACPI", "turn ACPI on, or remove it"
    return None


def _homes(driver: str, made: set[str], caps: Capabilities) -> set[MachineKind] | None:
    """The families of machines that have a device of this type built in; None where the command line makes one."""
    lineage = _descendants(driver, caps)
    if lineage & made:
        return None
    return {home for home, devices in BUILTIN_DEVICES.items() if lineage & devices}


def _descendants(typename: str, caps: Capabilities) -> frozenset[str]:
    """A type and all that are derived from it: a global for an abstract type is one for its children."""
    found, waiting = {typename}, [typename]
    while waiting:
        for child in caps.children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return frozenset(found)
