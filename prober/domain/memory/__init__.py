"""The guest's memory: how much, and what it is made of on the host (:mod:`prober.guest.memory` has what it becomes)."""

from prober.domain.memory.backing import MemoryBacking
from prober.domain.memory.model import MaxMemory, Memory

__all__ = ["MaxMemory", "Memory", "MemoryBacking"]
