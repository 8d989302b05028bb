"""The memory that a guest starts with, as backends are asked for it: of each NUMA node, or all in one."""

from __future__ import annotations

from prober.domain.domain import Domain
from prober.domain.numa import Cell
from prober.domain.shared.memory import Wanted
from prober.host.target import Target


def wanted_for(cell: Cell) -> Wanted:
    """The memory of one of the guest's NUMA nodes."""
    name = f"ram-node{cell.number}"
    return Wanted(id=name, file=name, kibibytes=cell.kibibytes, cell=cell.number, place=cell.place("memory"))


def wanted_for_all(domain: Domain, target: Target) -> Wanted | None:
    """The memory of a guest without NUMA nodes, where the machine tells its name (QEMU 5.0)."""
    name = system_id(target)
    if domain.numa is not None or name is None:
        return None
    place = domain.memory.place()
    return Wanted(id=name, file=name, kibibytes=domain.boot_kibibytes, place=place, is_system=True)


def system_id(target: Target) -> str | None:
    """What the machine calls its own memory, where it tells."""
    return target.entry.default_ram_id if target.entry is not None else None
