"""The text that Prometheus reads, written by prometheus-client.  Imported by the first scrape.

Both formats have the same samples: Prometheus' own text (0.0.4), and OpenMetrics (1.0.0) for who asks for that.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics

from prober.service.metrics.families import FAMILIES, OF_PROCESS_NAMESPACE, Family
from prober.service.metrics.tally import Sample, Spread

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def write_text(samples: Iterable[Sample], *, as_openmetrics: bool) -> bytes:
    """The whole text.  Blocks for a moment: it looks into ``/proc``.

    The registry is its own, made for this one text: nothing else can add to it, and it keeps nothing.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(
        _Given([*_families(samples), *ProcessCollector(namespace=OF_PROCESS_NAMESPACE, registry=None).collect()])
    )
    if not as_openmetrics:
        return generate_latest(registry)
    text: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]
    return text


class _Given:
    """What a registry takes for a collector: it has what it was given."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """All of it."""
        return iter(self._families)

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that no names are kept."""
        return iter(())


def _families(samples: Iterable[Sample]) -> Iterator[Metric]:
    by_family: dict[Family, list[Sample]] = {family: [] for family in FAMILIES}
    for sample in samples:
        by_family.setdefault(sample.family, []).append(sample)
    return itertools.starmap(_filled, by_family.items())


def _filled(family: Family, samples: list[Sample]) -> Metric:
    if family.kind == "histogram":
        histogram = HistogramMetricFamily(family.name, family.help, labels=family.labels)
        for sample in samples:
            assert isinstance(sample.value, Spread)
            histogram.add_metric(sample.labels, _buckets(sample.value), sample.value.total)
        return histogram
    made: type[CounterMetricFamily | GaugeMetricFamily]
    made = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = made(family.name, family.help, labels=family.labels)
    for sample in samples:
        metric.add_metric(sample.labels, _number(sample))
    return metric


def _number(sample: Sample) -> float:
    assert not isinstance(sample.value, Spread)
    return sample.value


def _buckets(spread: Spread) -> list[tuple[str, float]]:
    """Each bound with how many are at most that."""
    names = [*map(repr, spread.bounds), "+Inf"]
    return list(zip(names, itertools.accumulate(spread.counts), strict=True))
