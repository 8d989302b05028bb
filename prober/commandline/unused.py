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
    if not line.settings:
        return
    caps, kind = line.caps, line.kind
    name = line.machine.name if line.machine is not None else ""
    made, acpi = set(line.by_type), line.has_acpi
    homes_of: dict[str, set[MachineKind] | None] = {}
    for option in line.settings:
        if option.driver not in (caps.types or {}) and option.driver not in (caps.abstract_types or {}):
            continue  # said already
        if option.driver not in homes_of:
            homes_of[option.driver] = _homes(option.driver, made, caps)
        homes = homes_of[option.driver]
        if homes is None:
            continue
        if kind in homes and not (option.driver == "PIIX4_PM" and not acpi):
            continue
        if not homes or kind == "other":
            continue  # nothing is known of where it is
        of = f"machine {name} without ACPI" if kind in homes else f"machine {name}"
        yield Finding(
            kind=Kind.ignored,
            place=option.setting.place,
            part=option.fact,
            message=f"{of} has no {option.driver}, and QEMU would ignore this",
            qemu_name=option.fact,
            evidence=None,
            hint="remove it" if kind not in homes else "turn ACPI on, or remove it",
        )


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
