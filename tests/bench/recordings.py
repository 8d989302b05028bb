"""Loading a recording: from the bytes of its file to capabilities of which facts can be asked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.bench import Row, compare
from tests.bench.sides import best, in_turns
from tests.bench.worker import Inside, start_insides
from tests.conftest import CHECKOUT

BAR = 0.7

#: What stays of it (docs/decisions/floors.md).
_FLOOR = 0.82
_ROUNDS = 9
_MS = 1000


def rows() -> Iterator[Row]:
    """The four that come with prober, one after the other, as one figure."""
    files = sorted((CHECKOUT / "fixtures" / "replies").glob("qemu-[0-9]*.replies.xz"))
    with start_insides() as insides:
        total: dict[str, float] = {}
        for file in files:
            asks = {side: partial(_load, inside, file) for side, inside in insides.items()}
            for side, seconds in best(in_turns(asks, _ROUNDS, warm_up=1)).items():
                total[side] = total.get(side, 0.0) + seconds * _MS
    note = f"the processor's time, the best of {_ROUNDS} each"
    yield compare(f"the {len(files)} recordings loaded", "in process", total, "{:.0f} ms", BAR, note, _FLOOR)


def _load(inside: Inside, file: Path) -> float:
    return inside.load(file).cpu
