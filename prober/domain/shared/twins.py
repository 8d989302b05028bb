"""What there may be one of alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
K = TypeVar("K", int, str)


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


def repeats(values: Iterable[K]) -> Iterator[K]:
    """Each value that was there before, as often as it comes again."""
    known: set[K] = set()
    for value in values:
        if value in known:
            yield value
        known.add(value)


def given_twice(values: Iterable[K]) -> list[K]:
    """The values that are there more than once, each told once, in ascending order."""
    every = list(values)
    if len(set(every)) == len(every):
        return []
    return sorted(value for value, count in Counter(every).items() if count > 1)
