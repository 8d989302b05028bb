"""``<cpu><numa>``: the NUMA nodes that the guest sees."""

from prober.domain.numa.model import Cell, Numa

__all__ = ["Cell", "Numa"]
