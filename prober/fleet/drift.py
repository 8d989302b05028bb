"""Which hosts differ from their peers in what they have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict

from prober.fleet.answer import FleetAnswer
from prober.fleet.known import Fleet, Kit, Where

_CONFIG = ConfigDict(frozen=True, extra="forbid")

#: Hosts by what they have.
_Peers: TypeAlias = Mapping[Kit, list[str]]


class Odd(BaseModel):
    """Hosts that differ from most of their peers in one thing.

    ``peers`` is the label's value that these hosts share (empty where no label was named), ``what`` the thing
    (``build`` or ``variant``), ``path`` whose, ``usual`` what ``usually`` of them have, ``has`` what these
    ``hosts`` have instead (empty: nothing); ``names`` are some of them.
    """

    model_config = _CONFIG

    peers: str
    what: str
    path: str
    usual: str
    usually: int
    has: str
    hosts: int
    names: tuple[str, ...]


class DriftAnswer(FleetAnswer):
    """Who differs from his peers, the smallest groups last."""

    hosts: int
    odd: tuple[Odd, ...]


#: So many of the hosts that differ are named.
_NAMED = 20


def drift(fleet: Fleet, where: Where | None = None, *, label: str = "") -> DriftAnswer:
    """Who differs from most of those that have the same value of a ``label``, or of all where none is named.

    Silent hosts are left out.
    """
    peers: dict[str, dict[Kit, list[str]]] = defaultdict(lambda: defaultdict(list))
    for kit, names in fleet.where(where or Where()):
        for name in names:
            if name not in fleet.silent:
                value = dict(fleet.hosts[name].labels).get(label, "") if label else ""
                peers[value][kit].append(name)
    odd = [one for value, members in sorted(peers.items()) for one in _odd(value, members)]
    hosts = sum(len(names) for members in peers.values() for names in members.values())
    return DriftAnswer(as_of=fleet.as_of, hosts=hosts, odd=tuple(odd))


def _odd(value: str, members: _Peers) -> Iterator[Odd]:
    for path in sorted({one.path for kit in members for one in kit}):
        by_build = _having(members, path, "build")
        yield from _differing(value, path, "build", by_build)
        # A variant is a build's own: a host of another build is told of once.
        usual = _usual(by_build)
        same = {kit: names for kit, names in members.items() if _of(kit, path, "build") == usual}
        yield from _differing(value, path, "variant", _having(same, path, "variant"))


def _differing(value: str, path: str, what: str, having: Mapping[str, list[str]]) -> Iterator[Odd]:
    usual = _usual(having)
    for has, names in sorted(having.items(), key=lambda item: (-len(item[1]), item[0])):
        if has != usual:
            yield Odd(
                peers=value,
                what=what,
                path=path,
                usual=usual,
                usually=len(having[usual]),
                has=has,
                hosts=len(names),
                names=tuple(sorted(names)[:_NAMED]),
            )


def _having(members: _Peers, path: str, what: str) -> dict[str, list[str]]:
    """The hosts by what they have at a path; those that have nothing there under the empty name."""
    having: dict[str, list[str]] = defaultdict(list)
    for kit, names in members.items():
        having[_of(kit, path, what)] += names
    return having


def _of(kit: Kit, path: str, what: str) -> str:
    return next((one.build if what == "build" else one.variant for one in kit if one.path == path), "")


def _usual(having: Mapping[str, list[str]]) -> str:
    """What most have; of equally many the first by name."""
    return min(having, key=lambda has: (-len(having[has]), has))
