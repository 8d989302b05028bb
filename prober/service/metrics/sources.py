"""What others know by themselves, as samples: asked whenever someone looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, get_args

from prober.capabilities.catalog import Catalog
from prober.capabilities.entry import State
from prober.service.logs.start import lines_lost
from prober.service.metrics import families
from prober.service.metrics.tally import Sample

#: What is there from the start with 0: what workers are asked, and why one is replaced.
_QUESTIONS, _REASONS = ("translate", "check", "words", "host"), ("deadline", "killed", "memory", "share")


def samples_of_catalog(catalog: Catalog) -> Iterator[Sample]:
    """How many binaries are in which state."""
    states = Counter(entry.state for entry in catalog.entries())
    return (Sample(families.BINARIES, (state,), states[state]) for state in get_args(State))


class WorkerFigures(Protocol):
    """What is to be seen of the workers: how many are at a question and how many questions wait, now; and since the
    start, what they answered, why some were replaced, and how many questions were refused."""

    @property
    def busy(self) -> int:
        """How many are at a question now."""
        ...

    @property
    def waiting(self) -> int:
        """How many questions wait now."""
        ...

    @property
    def answered(self) -> Mapping[str, int]:
        """How many were answered, by what was asked."""
        ...

    @property
    def replaced(self) -> Mapping[str, int]:
        """How many workers were replaced, by the reason."""
        ...

    @property
    def refused(self) -> int:
        """How many questions were refused."""
        ...


@dataclass(frozen=True)
class NoWorkers:
    """The figures of a service that works in its own process."""

    busy: int = 0
    waiting: int = 0
    answered: Mapping[str, int] = field(default_factory=dict)
    replaced: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0


def samples_of_workers(most: int, figures: WorkerFigures) -> Iterator[Sample]:
    """What ``most`` workers do, and what became of them."""
    yield Sample(families.WORKERS, (), most)
    yield Sample(families.WORKERS_BUSY, (), figures.busy)
    yield Sample(families.WORKERS_WAITING, (), figures.waiting)
    yield Sample(families.WORKERS_REFUSED, (), figures.refused)
    for what in {*_QUESTIONS, *figures.answered}:
        yield Sample(families.WORKERS_ANSWERED, (what,), figures.answered.get(what, 0))
    for reason in {*_REASONS, *figures.replaced}:
        yield Sample(families.WORKERS_REPLACED, (reason,), figures.replaced.get(reason, 0))


def samples_of_logs() -> Iterator[Sample]:
    """How many lines were not written."""
    yield Sample(families.LOG_LOST, (), lines_lost())
