"""What others know by themselves, as samples: asked whenever someone looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import get_args

from prober.capabilities.catalog import Catalog
from prober.capabilities.entry import State
from prober.service.logs.start import lines_lost
from prober.service.metrics import families
from prober.service.metrics.tally import Sample
from prober.service.workers.pool import PoolFigures, ReplacedWhy

#: What workers are asked: all of it is there from the start with 0.
_QUESTIONS = ("translate", "check", "words", "answer", "domcapabilities", "describe", "host")


def samples_of_catalog(catalog: Catalog) -> Iterator[Sample]:
    """How many binaries are in which state, and what each of them is that has an answer."""
    entries = catalog.entries()
    states = Counter(entry.state for entry in entries)
    yield from (Sample(families.BINARIES, (state,), states[state]) for state in get_args(State))
    for entry in entries:
        if entry.version is not None:
            yield Sample(families.QEMU, (entry.id, str(entry.version), ",".join(entry.targets)), 1)
            yield Sample(families.QEMU_KVM, (entry.id,), "kvm" in entry.accelerators)
            if entry.asked_at is not None:
                yield Sample(families.QEMU_ASKED, (entry.id,), entry.asked_at)


def samples_of_workers(most: int, figures: PoolFigures) -> Iterator[Sample]:
    """What ``most`` workers do, and what became of them."""
    yield Sample(families.WORKERS, (), most)
    yield Sample(families.WORKERS_BUSY, (), figures.busy)
    yield Sample(families.WORKERS_WAITING, (), figures.waiting)
    yield Sample(families.WORKERS_REFUSED, (), figures.refused)
    for what in {*_QUESTIONS, *figures.answered}:
        yield Sample(families.WORKERS_ANSWERED, (what,), figures.answered[what])
    for reason in get_args(ReplacedWhy):
        yield Sample(families.WORKERS_REPLACED, (reason,), figures.replaced[reason])


def samples_of_logs() -> Iterator[Sample]:
    """How many lines were not written."""
    yield Sample(families.LOG_LOST, (), lines_lost())
