"""Whether other programs can be given the guest's memory, as everything of vhost-user needs it."""

from __future__ import annotations

from prober.domain.memory.backing import MemoryBacking
from prober.domain.numa.model import Numa

#: What a domain is told whose memory is its own.
HINT = "add <memoryBacking><access mode='shared'/></memoryBacking>, with <source type='memfd'/>"


def shares_memory(backing: MemoryBacking, numa: Numa | None) -> bool:
    """Whether all of it is shared (libvirt 11.3, ``qemuValidateDomainDefVhostUserRequireSharedMemory``)."""
    everywhere = backing.access == "shared"
    cells = numa.cells if numa is not None else ()
    if not cells:
        return everywhere
    return all(cell.access == "shared" or (cell.access is None and everywhere) for cell in cells)
