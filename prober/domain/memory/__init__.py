"""The guest's memory: how much, and what it is made of on the host.

``model.py`` and ``backing.py`` have the elements, ``pages.py`` and ``backend.py`` what QEMU's backends are told,
``old_style.py`` what stands for them before QEMU 5.0.
"""

from prober.domain.memory.backing import MemoryBacking
from prober.domain.memory.model import MaxMemory, Memory

__all__ = ["MaxMemory", "Memory", "MemoryBacking"]
