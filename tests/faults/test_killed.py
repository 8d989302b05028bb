"""The service is killed (SIGKILL) at points that a seed chooses: while it asks QEMU, and while it writes its cache."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from prober.capabilities.cache import entry_fault
from tests.faults.host import all_of, entry, serving, verdict, wait_until_nothing_is_left
from tests.integration.processes import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.fault("killed")]

#: How long (seconds) the writing of an entry takes, more or less.
_WRITING = 0.012


def _entries(directory: Path, pattern: str) -> list[Path]:
    return list((directory / "cache").glob(pattern))


def _kill_while_asking(directory: Path, qemu: Path, delay: float) -> str:
    """At some time after its start; what was found on disk then."""
    with serving(directory, qemu) as service:
        time.sleep(delay)
        service.process.kill()
    return "written" if _entries(directory, "*.cache") else "asking"


def _kill_while_writing(directory: Path, qemu: Path, delay: float) -> str:
    """So long after the file that becomes the entry was made."""
    with serving(directory, qemu) as service:
        began = time.monotonic()
        while not _entries(directory, ".*.tmp") and not _entries(directory, "*.cache"):
            assert time.monotonic() < began + 60, service.printed()
        time.sleep(delay)
        service.process.kill()
    return "writing" if _entries(directory, ".*.tmp") else "written"


def test_at_any_point(directory: Path, qemu: Path, whole: bool, record_property: Any) -> None:
    """Afterwards nothing runs, no half of an entry is believed, and a service on the same cache answers as before."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    began = time.monotonic()
    with serving(directory, qemu) as service, service.client() as client:
        right = all_of(client, qemu)
        took = time.monotonic() - began - service.start_s
    points: dict[str, int] = {}
    times = 20 if whole else 3
    for number in range(times):
        # Every third time there is an entry already, which still holds.
        if number % 3 != 2:
            shutil.rmtree(directory / "cache")
        kill, most = (_kill_while_asking, took) if number % 2 == 0 else (_kill_while_writing, _WRITING)
        delay = chance.uniform(0, most)
        point = kill(directory, qemu, delay)
        points[point] = points.get(point, 0) + 1
        said = f"seed {seed}, kill {number}: {point} after {delay:.4f} s"
        wait_until_nothing_is_left(directory)
        assert all(entry_fault(path) is None for path in _entries(directory, "*.cache")), said
        with serving(directory, qemu) as service, service.client() as client:
            assert verdict(client, qemu) == "present", said
            assert (all_of(client, qemu) == right) is True, said
            if point == "written":
                assert entry(client, qemu)["source"] == "cache", said
            wait_until(lambda: _entries(directory, "*.cache") and not _entries(directory, ".*.tmp"))
            assert "is not used" not in service.printed(), said
            assert service.stop()[0] == 0
        wait_until_nothing_is_left(directory)
    record_property("told", f"{times} kills, seed {seed}: {points}")
