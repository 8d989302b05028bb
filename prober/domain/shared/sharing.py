"""Whether other programs can be given the guest's memory, as everything of vhost-user needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prober.domain.domain import Domain

#: What a domain is told whose memory is its own.
HINT = "add <memoryBacking><access mode='shared'/></memoryBacking>, with <source type='memfd'/>"


def shares_memory(domain: Domain) -> bool:
    """Whether all of it is shared (libvirt 11.3, ``qemuValidateDomainDefVhostUserRequireSharedMemory``)."""
    backing, numa = domain.memory_backing, domain.numa
    everywhere = backing.access == "shared"
    cells = numa.cells if numa is not None else ()
    if not cells:
        return everywhere
    return all(cell.access == "shared" or (cell.access is None and everywhere) for cell in cells)
