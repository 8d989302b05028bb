"""How long an interview takes, and how much of that is QEMU's own.

Interview and floor (:mod:`tests.bench.floor`) are measured in turns, in one run on one machine, and the best of
each are compared, as those were disturbed least.  Both under TCG, so that the floor is one for all machines.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import shutil
import statistics
import time
from dataclasses import replace
from pathlib import Path

from prober.capabilities.capabilities import Capabilities
from prober.qemu.interview import Interview, interview
from prober.qemu.limits import InterviewLimits
from prober.qemu.recording import Recording
from tests.bench import Row
from tests.bench.floor import Floor, measure_floor
from tests.conftest import BINARY_IN_ROOT, CHECKOUT, ROOT_VERSIONS

#: At most this much more than the floor.
BAR = 1.5

_RUNS = 15

_MS = 1000


def rows() -> list[Row]:
    """Two lines for each QEMU that is at hand: the ratio, and where the rest goes."""
    table: list[Row] = []
    for binary, root in _places():
        table += _measured(binary, root)
    return table


def _places() -> list[tuple[str, Path | None]]:
    places: list[tuple[str, Path | None]] = []
    installed = shutil.which("qemu-system-x86_64")
    if installed is not None:
        places.append((installed, None))
    roots = Path(os.environ.get("PROBER_ROOTS") or CHECKOUT / ".roots").absolute()
    for version in ROOT_VERSIONS:
        if (roots / version / BINARY_IN_ROOT.lstrip("/")).exists() and os.geteuid() == 0:
            places.append((BINARY_IN_ROOT, roots / version))
    return places


def _measured(binary: str, root: Path | None) -> list[Row]:
    lanes = InterviewLimits().processes_at_once
    interviews: list[Interview] = []
    floors: list[Floor] = []
    nothing = Recording(())
    own_cpu: list[float] = []
    asked = _ask(binary, root)  # warms the page cache
    for _ in range(_RUNS):
        floors.append(measure_floor(binary, root, asked.recording, lanes))
        gc.collect()
        before = time.process_time()
        # Without what it recorded: a growing heap would slow each run down a little more than the one before.
        interviews.append(replace(_ask(binary, root), recording=nothing))
        own_cpu.append(time.process_time() - before)
    seconds = min(one.seconds for one in interviews)
    floor = min(one.seconds for one in floors)
    version = Capabilities.from_recording(asked.recording).version
    return [
        Row(
            f"interview of {version}",
            "in process",
            f"{seconds * _MS:.0f} ms",
            ratio=f"{seconds / floor:.2f} x floor",
            bar=f"≤ {BAR} x floor",
            ok=seconds <= BAR * floor,
            note=f"floor {floor * _MS:.0f} ms; best of {_RUNS}, {lanes} processes at a time, "
            f"{interviews[-1].processes} in all, {len(asked.crashes)} types crash",
        ),
        Row("  where it goes", "", "", note=_breakdown(interviews, floors[-1], statistics.median(own_cpu))),
    ]


def _ask(binary: str, root: Path | None) -> Interview:
    return asyncio.run(interview(binary, root=root, accel="tcg"))


def _breakdown(interviews: list[Interview], floor: Floor, own_cpu: float) -> str:
    stages: dict[str, float] = {}
    for name in interviews[0].timings:
        stages[name] = statistics.median(one.timings.get(name, 0.0) for one in interviews)
    began = time.perf_counter()
    for line in floor.lines:
        json.loads(line)
    parsing = time.perf_counter() - began
    told = ", ".join(f"{name} {value * _MS:.0f}" for name, value in stages.items())
    return f"{told}; own CPU {own_cpu * _MS:.0f} (JSON {parsing * _MS:.0f} of it) ms"


if __name__ == "__main__":
    for row in rows():
        print(row)  # noqa: T201
