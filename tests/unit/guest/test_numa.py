"""NUMA nodes of a guest: distances as libvirt completes them, and what it refuses."""

from __future__ import annotations

import pytest

from prober.domain.numa import Cell, Numa
from prober.domain.numa.model import CellCache, Distances, Interconnects, Latency, Sibling
from prober.guest.numa.emit import distances_of


def cell(number: int, *distances: tuple[int, int], cpus: tuple[int, ...] | None = None) -> Cell:
    siblings = tuple(Sibling(id=other, value=value) for other, value in distances)
    return Cell(
        id=number, memory=1024, cpus=cpus or (number,), distances=Distances(siblings=siblings) if siblings else None
    )


def test_a_distance_is_true_both_ways_unless_said_otherwise() -> None:
    numa = Numa(cells=(cell(0, (1, 21)), cell(1, (0, 31)), cell(2, (1, 41)), cell(3)))
    assert distances_of(numa) == {
        0: {0: 10, 1: 21, 2: 0, 3: 0},
        1: {0: 31, 1: 10, 2: 41, 3: 0},
        2: {0: 0, 1: 41, 2: 10, 3: 0},
    }


@pytest.mark.parametrize(
    ("cells", "links", "sentence"),
    [
        ((), (), "needs a <cell>"),
        ((cell(0), cell(2)), (), "without a gap"),
        ((cell(0), cell(0)), (), "without a gap"),
        ((cell(0, cpus=(1, 2)), cell(1, cpus=(2,))), (), "a CPU in common"),
        ((cell(0, (0, 20)),), (), "20 cannot be the distance from cell 0 to 0"),
        ((cell(0, (1, 10)), cell(1)), (), "10 cannot be the distance from cell 0 to 1"),
        ((cell(0, (1, 256)), cell(1)), (), "256 cannot be the distance"),
        ((cell(0, (4, 20)),), (), "cell 4, which is not there"),
        ((cell(0),), ((0, 1, 0),), "about a cell that is not there"),
        ((cell(0),), ((0, 0, 1),), "no cache of level 1"),
        ((cell(0),), ((0, 0, 0), (0, 0, 0)), "given twice"),
        ((cell(0), cell(1)), ((0, 1, 0), (1, 0, 0)), "is given already"),
    ],
)
def test_rules(cells: tuple[Cell, ...], links: tuple[tuple[int, int, int], ...], sentence: str) -> None:
    numa = Numa(cells=(cell(0),)).replace(cells=cells)  # which looks at no rule
    if links:
        every = tuple(
            Latency(initiator=start, target=end, cache=cache, type="access", value=1) for start, end, cache in links
        )
        numa = numa.replace(interconnects=Interconnects(every=every))
    assert any(sentence in broken.message for broken in numa.rules())


def test_a_level_of_cache_is_there_once() -> None:
    cache = CellCache(level=1, associativity="none", policy="none", size=1, size_unit="KiB", line=8, line_unit="B")
    (broken,) = Cell(memory=1, caches=(cache, cache)).rules()
    assert "same level" in broken.message
