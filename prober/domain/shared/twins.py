"""What there may be one of alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def twins(items: Iterable[T], key: Callable[[T], Hashable]) -> Iterator[tuple[T, T]]:
    """Each item that has the key of an earlier one, with the first that has it: (first, twin)."""
    known: dict[Hashable, T] = {}
    for item in items:
        first = known.setdefault(key(item), item)
        if first is not item:
            yield first, item


def extras(items: Sequence[T]) -> Iterator[tuple[T, T]]:
    """Each item but the first, with the first, of those that there may be one of in all: (first, extra)."""
    return ((items[0], extra) for extra in items[1:])
