"""Remembering what was worked out, for threads that share it."""

from __future__ import annotations

import threading
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

_lock = threading.Lock()


def remember(memo: dict[K, V], key: K, value: V, most: int) -> None:
    """Keep a value, and no more than ``most`` of them: the one that is there for the longest time goes.

    Whoever reads needs no lock, as one look into a dictionary is one step.
    """
    with _lock:
        while len(memo) >= most and key not in memo:
            del memo[next(iter(memo))]
        memo[key] = value
