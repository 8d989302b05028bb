"""Marks on the steps that complete a domain."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from prober.domain.shared.device import Device

S = TypeVar("S", bound=Callable[..., object])

_ABOUT: dict[Callable[..., object], tuple[type[Device], ...]] = {}


def about(*classes: type[Device]) -> Callable[[S], S]:
    """Marks a step that has nothing to do where a domain has no device of these classes: it is not run then.

    Most domains have few of the kinds of devices that there are, and most steps are about one kind.
    """

    def mark(step: S) -> S:
        _ABOUT[step] = classes
        return step

    return mark


def concerns(step: Callable[..., object], kinds: frozenset[type[Device]]) -> bool:
    """Whether a step has anything to do in a domain with devices of these very classes."""
    classes = _ABOUT.get(step)
    return classes is None or bool(kinds_of(classes, kinds))


@lru_cache(maxsize=4096)
def kinds_of(
    wanted: type[Device] | tuple[type[Device], ...], kinds: frozenset[type[Device]]
) -> frozenset[type[Device]]:
    """Those of the classes that are of a wanted one."""
    return frozenset(kind for kind in kinds if issubclass(kind, wanted))
