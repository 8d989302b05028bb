"""What is worked out of a binary's capabilities, kept for as long as these live and no longer.

Whoever works something out keeps it himself: the capabilities know nothing of it.  They are told apart as objects,
not by what is in them, as comparing them costs more than most of what is kept.  What is kept must not refer to the
capabilities, or they would keep one another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import ref

from prober.capabilities import Capabilities

T = TypeVar("T")


class KeptPerBinary(Generic[T]):
    """One thing for each binary, made by ``make`` when it is first asked for."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._kept: dict[int, tuple[ref[Capabilities], T]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, caps: Capabilities) -> T:
        """That of these capabilities; the same object each time."""
        number = id(caps)
        kept = self._kept.get(number)
        if kept is not None and kept[0]() is caps:
            return kept[1]
        made = self._make()
        # The number is free for another object only after this was called.
        self._kept[number] = ref(caps, lambda _: self._kept.pop(number, None)), made
        return made
