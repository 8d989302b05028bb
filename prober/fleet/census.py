"""Who is there: hosts, builds, which of them have a fact, and which differ from their peers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from heapq import nsmallest

from pydantic import BaseModel, ConfigDict

from prober.capabilities.evidence import Verdict
from prober.capabilities.models import Version
from prober.errors import FleetError
from prober.fleet.answer import FleetAnswer
from prober.fleet.known import Fleet, KnownHost, Where
from prober.fleet.records import HostBuild

_CONFIG = ConfigDict(frozen=True, extra="forbid")


class HostQemu(BaseModel):
    """One QEMU of a host; ``version`` and ``target`` are None where its build was not told yet."""

    model_config = _CONFIG

    path: str
    build: str
    variant: str
    version: Version | None
    target: str | None


class HostEntry(BaseModel):
    """A host.  ``time`` is when it wrote its record, by its own clock; ``silent_since`` by the reader's."""

    model_config = _CONFIG

    name: str
    time: int
    labels: dict[str, str]
    silent_since: float | None
    qemus: tuple[HostQemu, ...]


class HostsAnswer(FleetAnswer):
    """A page of hosts by name; ``next`` is what the next one begins after."""

    hosts: int
    silent: int
    entries: tuple[HostEntry, ...]
    next: str | None = None


def hosts(fleet: Fleet, where: Where | None = None, *, most: int = 100, after: str = "") -> HostsAnswer:
    """The hosts that are meant, ``most`` of those that come after ``after``."""
    groups = [names for _, names in fleet.where(where or Where())]
    found = nsmallest(most + 1, (name for names in groups for name in names if name > after))
    return HostsAnswer(
        as_of=fleet.as_of,
        hosts=sum(map(len, groups)),
        silent=sum(map(fleet.count_silent, groups)),
        entries=tuple(_entry(fleet, fleet.hosts[name]) for name in found[:most]),
        next=found[most - 1] if len(found) > most else None,
    )


def _entry(fleet: Fleet, host: KnownHost) -> HostEntry:
    qemus = []
    for one in host.kit:
        known = fleet.builds.get(one.build)
        target = None if known is None else known.inventory.target
        version = fleet.version(one.build)
        qemus.append(HostQemu(path=one.path, build=one.build, variant=one.variant, version=version, target=target))
    silent = fleet.silent.get(host.name)
    return HostEntry(name=host.name, time=host.time, labels=dict(host.labels), silent_since=silent, qemus=tuple(qemus))


class BuildEntry(BaseModel):
    """A build, how many hosts have it, at which paths, and in how many variants."""

    model_config = _CONFIG

    build: str
    version: Version | None
    target: str | None
    hosts: int
    silent: int
    variants: int
    paths: tuple[str, ...]


class BuildsAnswer(FleetAnswer):
    """All builds, the one that most hosts have first."""

    builds: tuple[BuildEntry, ...]


def builds(fleet: Fleet, where: Where | None = None) -> BuildsAnswer:
    """The builds that the hosts that are meant have."""
    paths: dict[str, dict[str, None]] = defaultdict(dict)
    variants: dict[str, set[str]] = defaultdict(set)
    count: Counter[str] = Counter()
    silent: Counter[str] = Counter()
    for kit, names in fleet.where(where or Where()):
        size, quiet = len(names), fleet.count_silent(names)
        for one in kit:
            paths[one.build][one.path] = None
            variants[one.build].add(one.variant)
        for name in {one.build for one in kit}:
            count[name] += size
            silent[name] += quiet
    entries = []
    for name, number in count.items():
        known = fleet.builds.get(name)
        entries.append(
            BuildEntry(
                build=name,
                version=fleet.version(name),
                target=None if known is None else known.inventory.target,
                hosts=number,
                silent=silent[name],
                variants=len(variants[name]),
                paths=tuple(sorted(paths[name])),
            )
        )
    entries.sort(key=lambda one: (-one.hosts, str(one.version), one.build))
    return BuildsAnswer(as_of=fleet.as_of, builds=tuple(entries))


class FactCount(BaseModel):
    """What one build says of a fact, and how many hosts have it."""

    model_config = _CONFIG

    build: str
    version: Version | None
    verdict: Verdict
    note: str
    hosts: int


class SupportsAnswer(FleetAnswer):
    """How many hosts have a QEMU that has a fact; how many have none that has, and of how many it is not known.

    A silent host is counted as such alone.
    """

    fact: str
    hosts: int
    present: int
    absent: int
    unknown: int
    silent: int
    builds: tuple[FactCount, ...]


def supports(fleet: Fleet, fact: str, where: Where | None = None) -> SupportsAnswer:
    """Who has a fact.

    :raise FactError: where its name is not of one of the forms.
    """
    verdicts: dict[str, tuple[Verdict, str]] = {}
    hosts_of: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for kit, names in fleet.where(where or Where()):
        size, quiet = len(names), fleet.count_silent(names)
        for one in kit:
            if one.build not in verdicts:
                verdicts[one.build] = _said(fleet, fleet.example(one.build, kvm=False) or one, fact)
        for name in {one.build for one in kit}:
            hosts_of[name] += size - quiet
        count["hosts"] += size
        count["silent"] += quiet
        count[_best(verdicts[one.build][0] for one in kit)] += size - quiet
    told = (
        FactCount(build=name, version=fleet.version(name), verdict=verdict, note=note, hosts=hosts_of[name])
        for name, (verdict, note) in verdicts.items()
    )
    return SupportsAnswer(
        as_of=fleet.as_of,
        fact=fact,
        **{name: count[name] for name in ("hosts", "present", "absent", "unknown", "silent")},
        builds=tuple(sorted(told, key=lambda one: (-one.hosts, one.build))),
    )


def _said(fleet: Fleet, one: HostBuild, fact: str) -> tuple[Verdict, str]:
    try:
        evidence = fleet.capabilities(one.build, one.variant).supports(fact)
    except FleetError as error:
        return Verdict.unknown, error.message
    return evidence.verdict, evidence.note


def _best(verdicts: Iterable[Verdict]) -> Verdict:
    """Of several QEMUs of one host: it has what one of them has, and lacks what all lack."""
    found = set(verdicts)
    for verdict in (Verdict.present, Verdict.unknown):
        if verdict in found:
            return verdict
    return Verdict.absent
