"""The counting: numbers in dictionaries, changed on the event loop alone, and taken from there as a whole."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias, get_args

import prober
from prober.capabilities.observer import PARTS, CacheOutcome, CatalogObserver, FoundBy, outcomes
from prober.errors import ProberError
from prober.service.metrics import families as of
from prober.service.metrics.families import Family
from prober.service.routes import Route

#: What is counted as a refusal without being an error of a handler.
UNREAD_KINDS = ("connections", "head", "http", "slow")


class Spread:
    """How a number of durations is spread: how many were at most each of the bounds, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        #: How many were above the bound before and at most this one; the last, above all.
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds

    def copy(self) -> Spread:
        """As it is now."""
        made = Spread(self.bounds)
        made.counts, made.total = self.counts.copy(), self.total
        return made


class Sample(NamedTuple):
    """One value of a metric, with the values of its labels; of a histogram a :class:`Spread`."""

    family: Family
    labels: tuple[str, ...]
    value: float | Spread


#: Tells samples when it is asked; called on the event loop.
Source: TypeAlias = Callable[[], Iterable[Sample]]


class _OfRoute:
    """What is counted of one row of the routes."""

    __slots__ = ("method", "path", "spread", "statuses")

    def __init__(self, method: str, path: str) -> None:
        self.method, self.path = method, path
        self.statuses: dict[int, int] = {}
        self.spread = Spread(of.QUICK)


#: In the place of a route's method and path: a path that no route has, and a request that was not read.
_NONE, _UNREAD = ("any", "none"), ("any", "unread")


class Tally(CatalogObserver):
    """All that is counted.  What others know by themselves is asked of a source when it is told.

    Whatever can come is there from the start with 0, so that the first of its kind is an increase.
    """

    def __init__(self, routes: Iterable[Route] = (), kinds: Iterable[str] = ()) -> None:
        """``kinds`` are those of refusals that can come besides."""
        self._none, self._unread = _OfRoute(*_NONE), _OfRoute(*_UNREAD)
        self._routes = {route.name: _OfRoute(route.method, route.path) for route in routes}
        self._refusals = Counter(dict.fromkeys((*UNREAD_KINDS, *kinds, *sorted(_kinds(ProberError))), 0))
        self._interviews = {outcome: Spread(of.SLOW) for outcome in outcomes()}
        self._used = 0
        self._cache: Counter[str] = Counter(dict.fromkeys(get_args(CacheOutcome), 0))
        self._stale = Counter({(part, by): 0 for part in PARTS for by in get_args(FoundBy)})
        self._lag = Spread(of.LATE)
        self._sources: list[Source] = []

    def add_source(self, source: Source) -> None:
        """Ask this for more whenever the samples are taken."""
        self._sources.append(source)

    def answered(self, route: Route | None, status: int, seconds: float) -> None:
        """A request got its answer, so long after it was there; without a route, no row has its path."""
        counted = self._none if route is None else self._routes.get(route.name) or self._add(route)
        statuses, spread = counted.statuses, counted.spread
        statuses[status] = statuses.get(status, 0) + 1
        # As Spread.add() does, without another call: each request comes by here.
        spread.counts[bisect_left(spread.bounds, seconds)] += 1
        spread.total += seconds

    def _add(self, route: Route) -> _OfRoute:
        made = self._routes[route.name] = _OfRoute(route.method, route.path)
        return made

    def unread(self, kind: str, status: int) -> None:
        """A client was let go before its request was read."""
        self._unread.statuses[status] = self._unread.statuses.get(status, 0) + 1
        self._refusals[kind] += 1

    def refused(self, kind: str) -> None:
        """A handler did not do what it was asked, with an error of this kind."""
        self._refusals[kind] += 1

    def late(self, seconds: float) -> None:
        """The event loop was so late."""
        self._lag.add(seconds)

    def interviewed(self, outcome: str, seconds: float) -> None:
        """See :class:`~prober.capabilities.observer.CatalogObserver`."""
        self._interviews.setdefault(outcome, Spread(of.SLOW)).add(seconds)

    def used(self) -> None:
        """See :class:`~prober.capabilities.observer.CatalogObserver`."""
        self._used += 1

    def cache_read(self, outcome: CacheOutcome) -> None:
        """See :class:`~prober.capabilities.observer.CatalogObserver`."""
        self._cache[outcome] += 1

    def stale(self, part: str, by: FoundBy) -> None:
        """See :class:`~prober.capabilities.observer.CatalogObserver`."""
        self._stale[part, by] += 1

    def samples(self) -> list[Sample]:
        """All of it as it is now; what changes later is not seen in it."""
        return [*self._own(), *(sample for source in self._sources for sample in source())]

    def _own(self) -> Iterator[Sample]:
        yield Sample(of.BUILD, (prober.__version__,), 1)
        for route in (self._none, self._unread, *self._routes.values()):
            for status, count in route.statuses.items():
                yield Sample(of.REQUESTS, (route.method, route.path, str(status)), count)
            yield Sample(of.REQUEST_SECONDS, (route.method, route.path), route.spread.copy())
        yield from _counted(of.REFUSALS, self._refusals)
        for outcome, spread in self._interviews.items():
            yield Sample(of.INTERVIEWS, (outcome,), spread.copy())
        yield Sample(of.USED, (), self._used)
        yield from _counted(of.CACHE, self._cache)
        for (part, by), count in self._stale.items():
            yield Sample(of.STALE, (part, by), count)
        yield Sample(of.LAG, (), self._lag.copy())


def _counted(family: Family, counted: Counter[str]) -> Iterator[Sample]:
    return (Sample(family, (name,), count) for name, count in counted.items())


def _kinds(kind: type[ProberError]) -> set[str]:
    return {kind.kind}.union(*map(_kinds, kind.__subclasses__()))
