"""The completed ``<numa>``: cells in order, and every CPU in one."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.refusal import Refusal
from prober.devices.memory import MemoryModule
from prober.domain.domain import Domain
from prober.domain.numa.model import Cell, Numa
from prober.domain.steps import Completion


def complete_numa(domain: Domain) -> Completion:
    """Cells by their ids; CPUs that are in none are in the first (libvirt, ``qemuDomainDefNumaCPUsRectify``)."""
    numa = domain.cpu.numa if domain.cpu is not None else None
    if numa is None:
        return _with_a_node(domain)
    cells = [cell.replace(id=at if cell.id is None else cell.id) for at, cell in enumerate(numa.cells)]
    cells.sort(key=lambda cell: cell.number)
    yield from _check_cpus(domain.vcpu.value, cells)
    placed = sum(len(cell.cpus or ()) for cell in cells)
    if placed < domain.vcpu.value:
        others = {number for cell in cells[1:] for number in cell.cpus or ()}
        left = tuple(number for number in range(domain.vcpu.value) if number not in others)
        cells[0] = cells[0].replace(cpus=left or None)
    numa = numa.replace(cells=tuple(cells))
    yield from _check_initiators(numa)
    return domain.replace(numa=numa)


def _with_a_node(domain: Domain) -> Domain:
    """A guest that memory can be plugged into has a NUMA node of all CPUs, and of all memory that is there at the start
    (libvirt 11.3, ``qemuDomainDefNumaAutoAdd``); so have modules of memory that name none."""
    most = domain.max_memory
    modules = domain.devices.of(MemoryModule)
    boot = domain.memory.kibibytes - sum(module.size.kibibytes for module in modules)
    if most is None or not most.value or not most.slots or boot <= 0:
        return domain
    cell = Cell(id=0, cpus=tuple(range(domain.vcpu.value)), memory=boot, places=most.places)
    placed = domain.with_each(
        MemoryModule,
        lambda module: module.replace(node=0) if module.has_node and module.node is None else module,
    )
    return placed.replace(numa=Numa(cells=(cell,), places=most.places))


def _check_cpus(count: int, cells: list[Cell]) -> Iterator[Refusal]:
    """CPUs that the guest does not have, of which there are ``count``."""
    for cell in cells:
        if cell.cpus and cell.cpus[-1] >= count:
            message = f"cell {cell.number} has CPU {cell.cpus[-1]}, and the guest has only {count} CPUs, from 0 on"
            yield Refusal(place=cell.place("cpus"), message=message, hint="change cpus, or <vcpu>")


def _check_initiators(numa: Numa) -> Iterator[Refusal]:
    """Ways that begin where there is no CPU."""
    for link in numa.links:
        if link.initiator < len(numa.cells) and not numa.cells[link.initiator].cpus:
            yield Refusal(place=link.place("initiator"), message=f"cell {link.initiator} has no CPU to start from")
    if not any(cell.cpus for cell in numa.cells):
        yield Refusal(place=numa.place(), message="one cell at least must have CPUs")
