"""Counting hosts by what they make of a question: able, unable for reasons, unknown, silent; and naming those able."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any

from pydantic import BaseModel, ConfigDict

from prober.fleet.answer import FleetAnswer
from prober.fleet.judging import Able, Judgement, Reason
from prober.fleet.known import Fleet

_CONFIG = ConfigDict(frozen=True, extra="forbid")

#: The most names on one page.
MOST_NAMES = 1000


class ReasonCount(BaseModel):
    """A reason, and how many hosts it holds for.  A host counts for each of its reasons."""

    model_config = _CONFIG

    qemu_name: str
    message: str
    hosts: int


class CountAnswer(FleetAnswer):
    """How many hosts can do what is asked.

    ``hosts`` is how many are meant: each of them is ``able``, ``unable``, ``unknown`` or ``silent``.  What a silent
    host told last counts for nothing.  ``names`` is a page of those that are able, by their names, ``next`` what the
    next page begins after (None where there is none).
    """

    hosts: int
    able: int
    unable: int
    unknown: int
    silent: int
    reasons: tuple[ReasonCount, ...] = ()
    unknown_reasons: tuple[ReasonCount, ...] = ()
    names: tuple[str, ...] = ()
    next: str | None = None


@dataclass
class HostCount:
    """The hosts of a fleet, counted kit by kit."""

    fleet: Fleet
    _counts: Counter[str] = field(default_factory=Counter)
    _reasons: dict[Able, Counter[Reason]] = field(default_factory=lambda: {able: Counter() for able in Able})
    _able: list[Collection[str]] = field(default_factory=list)

    def add(self, hosts: Collection[str], judgement: Judgement) -> None:
        """So it is with these hosts."""
        silent = self.fleet.count_silent(hosts)
        heard = len(hosts) - silent
        self._counts["hosts"] += len(hosts)
        self._counts["silent"] += silent
        self._counts[judgement.able] += heard
        if judgement.able is Able.able:
            self._able.append(hosts)
        elif heard:
            for reason in judgement.reasons:
                self._reasons[judgement.able][reason] += heard

    def told(self, names: int, after: str) -> dict[str, Any]:
        """The fields of a :class:`CountAnswer`, with so many names of those that come after one."""
        named, following = _page_of(self.fleet, self._able, names, after)
        return {
            "as_of": self.fleet.as_of,
            **{name: self._counts[name] for name in ("hosts", "able", "unable", "unknown", "silent")},
            "reasons": _counted(self._reasons[Able.unable]),
            "unknown_reasons": _counted(self._reasons[Able.unknown]),
            "names": named,
            "next": following,
        }


def _counted(reasons: Counter[Reason]) -> tuple[ReasonCount, ...]:
    """The reasons, the one that holds for most hosts first.

    What lacks one thing has one reason, whichever version says so: in the words that hold for most.
    """
    together: dict[str, list[tuple[int, Reason]]] = {}
    for reason, count in reasons.items():
        together.setdefault(reason.qemu_name or reason.message, []).append((count, reason))
    told = [
        ReasonCount(
            qemu_name=said[0][1].qemu_name,
            message=min(said, key=lambda one: (-one[0], one[1].message))[1].message,
            hosts=sum(count for count, _ in said),
        )
        for said in together.values()
    ]
    return tuple(sorted(told, key=lambda one: (-one.hosts, one.message)))


def _page_of(
    fleet: Fleet, groups: Iterable[Iterable[str]], most: int, after: str
) -> tuple[tuple[str, ...], str | None]:
    """The first names of these that come after one and are not silent, and what the next page begins after."""
    most = min(most, MOST_NAMES)
    if most < 1:
        return (), None
    names = (name for hosts in groups for name in hosts if name > after and name not in fleet.silent)
    found = nsmallest(most + 1, names)
    return tuple(found[:most]), found[most - 1] if len(found) > most else None
