"""``<cpu><numa>``: the NUMA nodes that the guest sees."""

from prober.domain.numa.complete import complete_numa
from prober.domain.numa.emit import emit_numa, machine_numa
from prober.domain.numa.model import Cell, Numa

__all__ = ["Cell", "Numa", "complete_numa", "emit_numa", "machine_numa"]
