"""The two options, in each spelling that libvirt's history has for them.

``bridge``
    ACPI hot-plug for the buses of bridges and ports: ``<acpi-hotplug-bridge enabled>`` under ``<pm>`` or
    ``<acpi-hotplug>``, ``<acpi-bridge-hotplug state>`` under ``<features><pci>``.  QEMU's name is
    ``acpi-pci-hotplug-with-bridge-support``, of ``PIIX4_PM`` on pc, of ``ICH9-LPC`` on q35.
``root``
    ACPI hot-plug for pc's root bus: ``<acpi-root-hotplug enabled>``, or ``<target hotplug>`` of the
    ``pci-root`` controller.  ``PIIX4_PM.acpi-root-pci-hotplug``.

QEMU ignores a ``-global`` for a device that the machine lacks: with a warning for PIIX4_PM (``global
PIIX4_PM.… not used``), without one for ICH9-LPC, whose class is hot-pluggable and so not looked at
(``hw/core/qdev-properties.c``, ``qdev_prop_check_globals``).  The guest then runs with hot-plug as it was,
so whatever would be ignored is refused here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from prober.commandline.options import Global, Option, Property
from prober.commandline.refusal import Place, Refusal
from prober.devices.controller.pci import PciRoot
from prober.domain.domain import Domain
from prober.host.target import Target

Switchable = Literal["bridge", "root"]

BRIDGE = "acpi-pci-hotplug-with-bridge-support"
ROOT = "acpi-root-pci-hotplug"

_WORDS: dict[Switchable, str] = {"bridge": "ACPI hot-plug for bridges", "root": "ACPI hot-plug for the root bus"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One spelling in the XML."""

    kind: Switchable
    on: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Choice:
    """What the domain chooses; None leaves it to the machine."""

    bridge: Asked | None = None
    root: Asked | None = None


def choose_hotplug(domain: Domain) -> Choice:
    """What the domain asks for; of two spellings of one option the first."""
    return _first_of(_spellings(domain))


def _first_of(spellings: Iterable[Asked]) -> Choice:
    chosen: dict[Switchable, Asked] = {}
    for asked in spellings:
        chosen.setdefault(asked.kind, asked)
    return Choice(chosen.get("bridge"), chosen.get("root"))


def check_hotplug(domain: Domain, target: Target) -> Iterator[Refusal]:
    """Spellings that contradict each other, and options that this machine would ignore."""
    spellings = list(_spellings(domain))
    choice = _first_of(spellings)
    for asked in spellings:
        first = choice.bridge if asked.kind == "bridge" else choice.root
        assert first is not None
        if first.on != asked.on:
            yield _contradiction(first, asked)
    for chosen in (choice.bridge, choice.root):
        if chosen is not None:
            yield from _ignored(chosen, target, acpi=domain.features.acpi)


def emit_hotplug(domain: Domain, target: Target) -> Iterator[Option]:
    """A ``-global`` for each option that is chosen."""
    choice = choose_hotplug(domain)
    for asked in (choice.bridge, choice.root):
        if asked is not None:
            device, name = qemu_name(asked.kind, target)
            yield Global(device, Property(name, asked.on, asked.place))


def qemu_name(kind: Switchable, target: Target) -> tuple[str, str]:
    """The device and its property on this machine."""
    if kind == "root":
        return "PIIX4_PM", ROOT
    return target.family.acpi_device or "PIIX4_PM", BRIDGE


def _spellings(domain: Domain) -> Iterator[Asked]:
    for holder in (domain.pm, domain.acpi_hotplug):
        if holder is None:
            continue
        if holder.acpi_hotplug_bridge is not None:
            yield Asked("bridge", holder.acpi_hotplug_bridge, holder.place("acpi_hotplug_bridge"))
        if holder.acpi_root_hotplug is not None:
            yield Asked("root", holder.acpi_root_hotplug, holder.place("acpi_root_hotplug"))
    features = domain.features
    if features.acpi_bridge_hotplug is not None:
        yield Asked("bridge", features.acpi_bridge_hotplug, features.place("acpi_bridge_hotplug"))
    for root in domain.devices.of(PciRoot):
        if root.hotplug is not None:
            yield Asked("root", root.hotplug, root.place("hotplug"))


def _contradiction(first: Asked, second: Asked) -> Refusal:
    return Refusal(
        place=second.place,
        message=f"{_WORDS[second.kind]} is turned {_on_off(second.on)} here, and {_on_off(first.on)} in line "
        f"{first.place.line} ({first.place.path})",
        hint="keep one of the two spellings, or make them agree",
    )


def _on_off(on: bool) -> str:
    return "on" if on else "off"


def _ignored(asked: Asked, target: Target, *, acpi: bool) -> Iterator[Refusal]:
    """Why QEMU would ignore the option on this machine, if it would."""
    device, name = qemu_name(asked.kind, target)
    fact = f"{device}.{name}"
    words = _WORDS[asked.kind]
    if not target.family.acpi_device or not target.has_pci:
        machines = "pc and q35 have it" if asked.kind == "bridge" else "only pc has it"
        of = f"machine {target.machine}" + ("" if target.is_x86 else f" of {target.caps.target}")
        yield Refusal(
            place=asked.place,
            message=f"{words} cannot be chosen on {of}: of QEMU's machines {machines}; QEMU would ignore the option",
            qemu_name=fact,
            hint="remove the element",
        )
    elif asked.kind == "root" and target.kind == "q35":
        yield Refusal(
            place=asked.place,
            message=f"{words} cannot be chosen on machine {target.machine}: only pc has it; QEMU would ignore the "
            "option, and nothing can be hot-plugged into the root bus of q35 in any case",
            qemu_name=fact,
            hint="remove the element",
        )
    elif target.kind == "pc" and not acpi:
        yield Refusal(
            place=asked.place,
            message=f"{words} cannot be chosen without ACPI: the machine then has no PIIX4_PM, and QEMU would ignore "
            "the option",
            qemu_name=fact,
            hint="add <features><acpi/></features>, or remove the element",
        )
