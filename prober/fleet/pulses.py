"""Which hosts are silent: those of which nothing was heard for too long, by the reader's own clock.

Heartbeats are told to who listens and kept by nobody, so a reader that begins knows of none.  A host whose record it
finds counts as heard then: where it stays silent it is so after the same time.  No clock of two machines is compared.
"""

from __future__ import annotations

from collections import OrderedDict

from prober.fleet.known import Fleet

#: After how long (seconds) without a word of it a host is silent, which beats every 30 s.
SILENT_S = 90.0


class Pulses:
    """Keeps who is silent of a fleet (see :class:`~prober.fleet.known.Fleet`).

    ``now`` is always the reader's monotonic clock (seconds), ``wall`` the seconds since 1970 that are told.  While the
    store is away, nobody can be heard: that time counts for nothing (:meth:`pause`).
    """

    def __init__(self, fleet: Fleet, silent_s: float = SILENT_S) -> None:
        self.silent_s = silent_s
        self._fleet = fleet
        # Those who are not silent, who was heard last at the end: so the first tell whether there is anything to do.
        self._heard: OrderedDict[str, float] = OrderedDict()
        self._paused: float | None = None
        self._lost = 0.0

    def note(self, host: str, now: float) -> bool:
        """A host is heard; whether it was silent before.  One that has no record is nobody."""
        if host not in self._fleet.hosts:
            return False
        self._heard[host] = self._own(now)
        self._heard.move_to_end(host)
        return self._fleet.hear(host)

    def forget(self, host: str) -> None:
        """There is no such host any more."""
        self._heard.pop(host, None)

    def sweep(self, now: float, wall: float, most: int = 1000) -> list[str]:
        """The hosts that are silent from now on, so many at most: where there are as many, ask again."""
        if self._paused is not None:
            return []
        own, silent = self._own(now), list[str]()
        while self._heard and len(silent) < most:
            host, at = next(iter(self._heard.items()))
            if own - at < self.silent_s:
                break
            del self._heard[host]
            self._fleet.hush(host, wall - (own - at))
            silent.append(host)
        return silent

    def pause(self, now: float) -> None:
        """Nobody can be heard from now on; may be said twice."""
        if self._paused is None:
            self._paused = now

    def go_on(self, now: float) -> None:
        """They can be heard again."""
        if self._paused is not None:
            self._lost += now - self._paused
            self._paused = None

    def _own(self, now: float) -> float:
        """The time without what counts for nothing."""
        return (now if self._paused is None else self._paused) - self._lost
