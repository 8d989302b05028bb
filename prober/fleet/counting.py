"""Counting hosts by what they make of a question: able, unable for reasons, unknown, silent; and naming those able."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from heapq import nsmallest
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from prober.fleet.answer import FleetAnswer
from prober.fleet.judging import Able, Judgement, Reason
from prober.fleet.known import Fleet, Kit

_CONFIG = ConfigDict(frozen=True, extra="forbid")

#: What hosts are counted as.
_COUNTED = ("hosts", "able", "unable", "unknown", "silent")

#: Looked up once: Python 3.11 takes ten times as long to find a member of an enumeration as any other attribute, and as
#: long again to hash one.
_ABLE: Final = Able.able
_UNABLE: Final = Able.unable

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
    _counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))
    _reasons: Counter[Reason] = field(default_factory=Counter)
    _unknown_reasons: Counter[Reason] = field(default_factory=Counter)
    _able: list[Collection[str]] = field(default_factory=list)

    def add(self, kit: Kit, hosts: Collection[str], judgement: Judgement) -> None:
        """So it is with these hosts of a kit, which are as :meth:`~prober.fleet.known.Fleet.where` told of them."""
        able, reasons = judgement
        heard, counts = len(hosts), self._counts
        counts["hosts"] += heard
        if self.fleet.silent:
            is_whole = isinstance(hosts, Mapping)
            silent = self._silent_of_kits.get(kit, 0) if is_whole else self.fleet.count_silent(hosts)
            counts["silent"] += silent
            heard -= silent
        if able is _ABLE:
            counts["able"] += heard
            self._able.append(hosts)
            return
        is_unable = able is _UNABLE
        counts["unable" if is_unable else "unknown"] += heard
        if heard:
            told = self._reasons if is_unable else self._unknown_reasons
            for reason in reasons:
                told[reason] += heard

    @cached_property
    def _silent_of_kits(self) -> Mapping[Kit, int]:
        """How many hosts of each kit are silent: one look at each that is, however many kits there are."""
        return Counter(self.fleet.hosts[name].kit for name in self.fleet.silent)

    def told(self, names: int, after: str) -> dict[str, Any]:
        """The fields of a :class:`CountAnswer`, with so many names of those that come after one."""
        named, following = _page_of(self.fleet, self._able, names, after)
        return {
            "as_of": self.fleet.as_of,
            **self._counts,
            "reasons": _counted(self._reasons),
            "unknown_reasons": _counted(self._unknown_reasons),
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
