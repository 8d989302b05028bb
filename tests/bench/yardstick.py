"""How fast this machine runs Python at this moment, by a piece of work that has nothing to do with prober.

Milliseconds mean little without it: one machine takes twice as long as another, or as itself an hour before where
others share its cores.  Two runs are compared by their yardsticks.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import statistics
import time
from collections.abc import Iterator

from tests.bench import Row

_ROUNDS = 15
_MS = 1000


def rows() -> Iterator[Row]:
    """Measure; takes some two seconds."""
    tree = ast.parse(inspect.getsource(argparse))
    times = [_once(tree) for _ in range(_ROUNDS)]
    note = f"ast.unparse of the module argparse; from {min(times) * _MS:.0f} to {max(times) * _MS:.0f} ms"
    yield Row("yardstick: Python's own work", "", f"{statistics.median(times) * _MS:.1f} ms", note=note)


def _once(tree: ast.AST) -> float:
    began = time.perf_counter()
    ast.unparse(tree)
    return time.perf_counter() - began
