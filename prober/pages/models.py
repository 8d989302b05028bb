"""What a page is told: rows that are written as JSON lists, each distinct one once, and referred to by its number.

Thirty QEMUs have the same types, properties and members for the most part.  So whatever may come again lies in a pool
(:class:`Pools`), and what one QEMU has is a list of numbers.  ``prober/pages/static/book.js`` reads this, and its rows
are in the same order.
"""

from __future__ import annotations

from enum import IntFlag
from typing import NamedTuple

from pydantic import JsonValue

from prober.capabilities.models import Machine
from prober.pages.guest import GuestBus

#: There is none, in the place of a number of a pool.
NONE = -1


class TypeMark(IntFlag):
    """What is said of a type.

    ``ABSTRACT`` and ``CONCRETE``: it is on that list.  ``UNLOADABLE``: it is listed, and cannot be loaded.
    ``CRASHED``: asking for its properties killed QEMU.  ``DEVICE``: it descends from ``device``.  ``ASKED``: it was
    asked for its properties.
    """

    ABSTRACT = 1
    CONCRETE = 2
    UNLOADABLE = 4
    CRASHED = 8
    DEVICE = 16
    ASKED = 32


class PropertyTold(NamedTuple):
    """One property: ``default`` is None where QEMU tells none."""

    name: str
    type: str
    default: JsonValue
    description: str


class TypeRow(NamedTuple):
    """One QOM type of a QEMU.

    ``marks`` is a :class:`TypeMark`, ``properties`` the number of a list of properties (:data:`NONE`: unknown),
    ``question`` the command that it was asked with, ``family`` what CPU models share, ``said`` why it did not tell.
    """

    name: str
    parent: str | None
    marks: int
    properties: int
    question: str
    family: str | None
    said: str


class CpuRow(NamedTuple):
    """One CPU model, with what a difference tells of it."""

    name: str
    deprecated: bool
    alias_of: str | None
    typename: str | None
    migration_safe: bool | None
    static: bool | None


class MemberRow(NamedTuple):
    """One member of a command's arguments; ``below`` is the number of a list of members, :data:`NONE` where there is no
    object below it, or one that stands above it already.  ``values`` are an enum's, each with whether it is
    deprecated."""

    name: str
    type: str
    optional: bool
    deprecated: bool
    when: tuple[str, ...]
    values: tuple[tuple[str, bool], ...]
    below: int


class CommandRow(NamedTuple):
    """One QMP command; ``members`` is the number of a list of members, :data:`NONE` where no schema tells."""

    name: str
    deprecated: bool
    members: int


class OptionRow(NamedTuple):
    """One command-line option and its keys, each with its type."""

    name: str
    keys: tuple[tuple[str, str], ...]


class UsedRow(NamedTuple):
    """What a domain uses of a QEMU (:class:`prober.translate.uses.Uses`); a member is its path and its tags."""

    facts: tuple[str, ...]
    types: tuple[str, ...]
    members: tuple[tuple[str, tuple[str, ...]], ...]


class Remark(NamedTuple):
    """One refusal or note: where in the XML, and in what words.

    ``evidence`` is what the QEMU said, in words, ``rule`` the name of the rule that found it (empty where it is not
    told).
    """

    line: int
    path: str
    message: str
    hint: str = ""
    evidence: str = ""
    rule: str = ""


class DomainCell(NamedTuple):
    """What one QEMU makes of one domain.

    ``verdict`` is *yes*, *no*, *not asked* or *unreadable*, as ``prober check`` has it; ``used`` is the number of a
    :class:`UsedRow`.  ``argv`` is what would be written were it not refused.  ``buses`` are the guest's PCI buses.
    """

    verdict: str
    refusals: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()
    argv: tuple[str, ...] = ()
    buses: tuple[GuestBus, ...] = ()
    used: int = NONE


class DomainRow(NamedTuple):
    """One domain: the name of its file, and its XML."""

    name: str
    xml: str


class AcceleratorRow(NamedTuple):
    """What a QEMU lists under one accelerator: numbers of machines and of CPU models, None where it was not asked."""

    name: str
    machines: tuple[int, ...] | None
    cpus: tuple[int, ...] | None


class QemuRow(NamedTuple):
    """One QEMU.

    ``label`` is what it was named by, ``kvm`` whether it was built with KVM and whether that could be used (None where
    it does not tell).  ``types`` are numbers; ``has_types`` and ``has_abstract`` are whether it was asked for the
    lists.  ``backends`` are what ``-display`` and ``-audiodev`` list and the block drivers that it has, None where it
    was not asked.  ``ident`` is the id of the service's entry, empty in a file.
    """

    label: str
    ident: str
    version: str
    package: str
    target: str
    kvm: tuple[bool, bool] | None
    accelerators: tuple[AcceleratorRow, ...]
    has_types: bool
    has_abstract: bool
    types: tuple[int, ...]
    commands: tuple[int, ...] | None
    events: tuple[str, ...] | None
    options: tuple[int, ...] | None
    backends: tuple[tuple[str, ...] | None, ...]


class Pools(NamedTuple):
    """What rows refer to by number; ``machines`` are rows of the values of :data:`MACHINE_FIELDS`."""

    properties: list[PropertyTold]
    property_lists: list[tuple[int, ...]]
    types: list[TypeRow]
    machines: list[tuple[JsonValue, ...]]
    cpus: list[CpuRow]
    members: list[MemberRow]
    member_lists: list[tuple[int, ...]]
    commands: list[CommandRow]
    options: list[OptionRow]
    used: list[UsedRow]


class PageBook(NamedTuple):
    """All that a page is told.  ``cells`` has a row a domain, with a number of ``outcomes`` for each QEMU.

    ``title`` is what stands above it, and ``made`` who made it, in words.
    """

    title: str
    made: str
    pools: Pools
    qemus: tuple[QemuRow, ...]
    domains: tuple[DomainRow, ...]
    outcomes: tuple[DomainCell, ...]
    cells: tuple[tuple[int, ...], ...]


#: The fields of a machine, in the order of its row.
MACHINE_FIELDS = (
    "name", "deprecated", "alias", "is_default", "default_cpu_type", "default_ram_id", "cpu_max",
    "hotpluggable_cpus", "numa_mem_supported", "acpi",
)  # fmt: skip


def machine_row(machine: Machine) -> tuple[JsonValue, ...]:
    """The values of its fields."""
    return tuple(getattr(machine, name) for name in MACHINE_FIELDS)
