"""Fuzzing one target: mutants one after the other, and now and then something that is there many times."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random

from tests.fuzz.mutator import Mutator
from tests.fuzz.targets import Target
from tests.fuzz.watch import Finding, try_growth, try_input

#: Every so many inputs one is looked at for its growth, which takes as long as a hundred others.
_GROWTH_EVERY = 150

CASES = Path(__file__).parent / "cases"


@dataclass
class Report:
    """What fuzzing one target came to: ``findings`` are the inputs with what is wrong, by the place it shows at."""

    name: str
    inputs: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    findings: dict[str, tuple[bytes, Finding]] = field(default_factory=dict)

    def row(self) -> str:
        """For a table."""
        rate = self.inputs / self.seconds if self.seconds else 0.0
        figures = f"{self.inputs:>9} {self.seconds:>8.0f} {rate:>9.0f} {self.slowest:>8.2f} {len(self.findings):>9}"
        return f"{self.name:<10} {figures}"


HEADER = f"{'target':<10} {'inputs':>9} {'seconds':>8} {'a second':>9} {'slowest':>8} {'findings':>9}"


def fuzz(target: Target, seed: int, go_on: Callable[[int], bool]) -> Report:
    """Feed it until ``go_on``, which is told how many inputs there were, says no more."""
    random = Random(seed)
    mutator = Mutator(target.seeds(), target.tokens, random, target.most)
    report, began = Report(target.name), time.monotonic()
    while go_on(report.inputs):
        report.inputs += 1
        if report.inputs % _GROWTH_EVERY == 0:
            before, piece, after = mutator.piece()
            times = max(1, (target.most // 4 - len(before) - len(after)) // len(piece))
            data = before + piece * 3 + after
            found = try_growth(target.run, lambda n: before + piece * n + after, times)  # noqa: B023 - run at once
            data = before + piece * (4 * times) + after if found else data
        else:
            data, started = mutator.mutant(), time.process_time()
            found = try_input(target.run, data)
            report.slowest = max(report.slowest, time.process_time() - started)
        if found is not None:
            report.findings.setdefault(_place(found), (data, found))
    report.seconds = time.monotonic() - began
    return report


def _place(found: Finding) -> str:
    """What makes two findings one: the last lines of the traceback, or the kind."""
    lines = [line.strip() for line in found.said.splitlines() if line.strip().startswith("File ")]
    return f"{found.kind}: {lines[-1] if lines else ''}"


def keep(report: Report, directory: Path) -> Iterator[str]:
    """Write the inputs of what was found to a directory, and say where, a line each."""
    for data, found in report.findings.values():
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{report.name}-{sha256(data).hexdigest()[:12]}"
        path.write_bytes(data)
        yield f"{path}: {found.kind}: {found.said}"
