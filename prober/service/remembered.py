"""What was worked out before, up to so many bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: One thing may take no more than this part of all.
_SHARE = 8


class Remembered(Generic[K, V]):
    """Keeps values by their keys; what nobody asked for the longest goes first.  ``most`` bytes in all."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: K) -> V | None:
        """What is kept under this key."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        self._kept.move_to_end(key)
        return kept[0]

    def keep(self, key: K, value: V, size: int) -> None:
        """Keep a value, which takes ``size`` bytes with its key; one that is too large is not kept."""
        self._drop(key)
        if size > self._most // _SHARE:
            return
        while self._bytes + size > self._most:
            self._drop(next(iter(self._kept)))
        self._kept[key] = value, size
        self._bytes += size

    def _drop(self, key: K) -> None:
        dropped = self._kept.pop(key, None)
        if dropped is not None:
            self._bytes -= dropped[1]
