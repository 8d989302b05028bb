"""The command as a whole process: from the shell's call to its end.

Each command is measured in turns with a bare ``python -c pass``, which is the floor of anything written in Python.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench import Row
from tests.conftest import CHECKOUT
from tests.integration.processes import PROBER, start_service

FACT = "PIIX4_PM.acpi-root-pci-hotplug"

#: What ``prober supports`` against the service may take (seconds), as a whole process.
BAR_S = 0.15

_RUNS = 21
_FLOOR = [sys.executable, "-c", "pass"]
_MS = 1000


def rows() -> Iterator[Row]:
    """The one command that has a bar, and others to compare it with."""
    recordings = CHECKOUT / "fixtures" / "replies"
    example = str(CHECKOUT / "fixtures" / "domains" / "example.xml")
    newest = max(recordings.glob("*.replies.xz"), key=lambda path: path.stat().st_size)
    with tempfile.TemporaryDirectory(prefix="bench") as place:
        socket = Path(place) / "prober.sock"
        with start_service(socket, "--directory", place, "--replies", newest):
            asked = ["--socket", str(socket)]
            ident = newest.name.removesuffix(".replies.xz")
            yield _row("prober supports, asking the service", ["supports", *asked, FACT], BAR_S)
            yield _row("prober translate, asking the service", ["translate", *asked, "--binary", ident, example])
    replies = ["--replies", str(newest)]
    yield _row("prober supports, asking a recording", ["supports", *replies, FACT])
    yield _row("prober --help", ["--help"])


def _row(name: str, words: Sequence[str], bar: float | None = None) -> Row:
    command, floor = [], []
    _run([PROBER, *words])  # warms the page cache
    for _ in range(_RUNS):
        floor.append(_run(_FLOOR))
        command.append(_run([PROBER, *words]))
    took, least = statistics.median(command), statistics.median(floor)
    return Row(
        name,
        f"{took * _MS:.0f} ms = {took / least:.1f} x python alone",
        "" if bar is None else f"{bar * _MS:.0f} ms",
        None if bar is None else took <= bar,
        f"whole process, p50 of {_RUNS}; best {min(command) * _MS:.0f} ms, python alone {least * _MS:.0f} ms",
    )


def _run(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
