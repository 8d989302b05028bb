"""Which of the classes of a domain's devices are of a class that somebody asks for."""

from __future__ import annotations

from functools import lru_cache

from prober.domain.shared.device import Device


@lru_cache(maxsize=4096)
def kinds_of(
    wanted: type[Device] | tuple[type[Device], ...], kinds: frozenset[type[Device]]
) -> frozenset[type[Device]]:
    """Those of the classes that are of a wanted one."""
    return frozenset(kind for kind in kinds if issubclass(kind, wanted))
