"""Which of the classes of a domain's devices are of a class that somebody asks for."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias, cast

from prober.domain.shared.device import Device

#: The very classes of some devices.
Classes: TypeAlias = frozenset[type[Device]]


def _kinds_of(wanted: type[Device] | tuple[type[Device], ...], kinds: Classes) -> Classes:
    """Those of the classes that are of a wanted one."""
    return frozenset(kind for kind in kinds if issubclass(kind, wanted))


#: The same, remembered, as the same is asked of domain after domain; mypy takes no class for hashable.
kinds_of = cast(Callable[[type[Device] | tuple[type[Device], ...], Classes], Classes], lru_cache(4096)(_kinds_of))
