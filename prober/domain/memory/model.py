"""``<memory>``, ``<currentMemory>`` and ``<maxMemory>``."""

from __future__ import annotations

from typing import Annotated

from prober.domain.shared.memory import MemorySize
from prober.xml.binding import At, Becomes
from prober.xml.values import Count, OnOff


class Memory(MemorySize):
    """``<memory>``: all that the guest starts with, modules of memory included."""

    dump_core: Annotated[
        OnOff | None, At("@dumpCore"), Becomes("`dump-guest-core` of `-machine`; off where nothing is said")
    ] = None


class MaxMemory(MemorySize):
    """``<maxMemory>``: how far the guest can grow, and into how many slots modules can be plugged."""

    slots: Annotated[Count, At("@slots"), Becomes("`slots` of `-m`")] = 0
