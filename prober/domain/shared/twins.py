"""What there may be one of alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def twins(items: Iterable[T], key: Callable[[T], Hashable]) -> Iterator[tuple[T, T]]:
    """Each item that has the key of an earlier one, with the first that has it: (first, twin)."""
    known: dict[Hashable, T] = {}
    for item in items:
        first = known.setdefault(key(item), item)
        if first is not item:
            yield first, item
