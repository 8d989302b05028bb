"""What is known of a fleet, held in memory: its hosts, and the builds and variants that they have.

Hosts that have the same have one *kit*: the builds, variants and paths of a record.  A fleet of 100,000 hosts has some
hundreds of kits, so what is asked of all hosts is asked of each kit once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.diff import diff
from prober.capabilities.models import Version
from prober.errors import FleetError, UsageError
from prober.fleet.memo import remember
from prober.fleet.parts import Build, Variant, belongs, join
from prober.fleet.records import HostBuild, HostRecord

#: What a host has, in the order of its record.
Kit: TypeAlias = tuple[HostBuild, ...]
Labels: TypeAlias = tuple[tuple[str, str], ...]

T = TypeVar("T", bound=Hashable)

#: Of so many builds and variants it is remembered whether they belong together.
_PAIRS = 65_536

#: So many builds are kept as capabilities, joined with one variant each, and so many pairs of them as they differ.
_JOINED = _DIFFERENCES = 256

#: What differs, by its group and kind, counted.
Differences: TypeAlias = Mapping[str, Mapping[str, int]]


class KnownHost(NamedTuple):
    """A host as it is held: equal labels and kits are one object, as there are many hosts."""

    name: str
    seq: int
    time: int
    labels: Labels
    kit: Kit


@dataclass(frozen=True)
class Where:
    """Which hosts are meant: those that have all of these labels; all, where there are none."""

    labels: Labels = ()

    @classmethod
    def parse(cls, text: str | None) -> Where:
        """``rack=7,zone=b``.

        :raise UsageError: where it is not of this form.
        """
        labels = []
        for part in (text or "").split(",") if text else ():
            key, equals, value = part.partition("=")
            if not key or not equals:
                raise UsageError(f"{part[:80]!r} is no label", hint="LABEL=VALUE[,LABEL=VALUE…]")
            labels.append((key.strip(), value.strip()))
        return cls(tuple(labels))


class _Shared(Generic[T]):
    """Equal values as one object, for as long as somebody has it; ``kept`` makes what is kept of the first one."""

    def __init__(self, kept: Callable[[T], T] = lambda value: value) -> None:
        self._of_first = kept
        self._kept: dict[T, _Counted[T]] = {}

    def take(self, value: T) -> T:
        """The one object that is equal to this."""
        found = self._kept.get(value)
        if found is None:
            kept = self._of_first(value)
            found = self._kept[kept] = _Counted(kept)
        found.count += 1
        return found.value

    def give_back(self, value: T) -> None:
        """One has it no longer."""
        found = self._kept[value]
        found.count -= 1
        if not found.count:
            del self._kept[value]


@dataclass(slots=True)
class _Counted(Generic[T]):
    value: T
    count: int = 0


def _interned(kit: Kit) -> Kit:
    """With each string as the one object that all others have."""
    return tuple(HostBuild(*map(sys.intern, one)) for one in kit)


@dataclass
class Fleet:
    """All that is known.  ``as_of`` is when (seconds since 1970, by this machine) the store last told of anything.

    ``silent`` are the hosts of which nothing was heard for too long, each with since when.  For one thread.
    """

    as_of: float = 0.0
    builds: dict[str, Build] = field(default_factory=dict)
    variants: dict[str, Variant] = field(default_factory=dict)
    silent: dict[str, float] = field(default_factory=dict)
    _hosts: dict[str, KnownHost] = field(default_factory=dict)
    _kits: dict[Kit, dict[str, None]] = field(default_factory=dict)
    _by_label: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    _shared_kits: _Shared[Kit] = field(default_factory=lambda: _Shared(_interned))
    _shared_labels: _Shared[Labels] = field(default_factory=lambda: _Shared())
    _joined: dict[tuple[str, str], Capabilities] = field(default_factory=dict)
    _pairs: dict[tuple[str, str], bool] = field(default_factory=dict)
    _differences: dict[tuple[str, str, str, str], Differences] = field(default_factory=dict)
    # What a snapshot has too is copied before it is changed: of a fleet that stands still nothing ever is.
    _own_hosts: bool = True
    _own_silent: bool = True
    _own_kits: set[Kit] | None = None
    _own_by_label: set[tuple[str, str]] | None = None

    @property
    def hosts(self) -> Mapping[str, KnownHost]:
        """Each host by its name."""
        return self._hosts

    @property
    def kits(self) -> Mapping[Kit, Mapping[str, None]]:
        """The hosts that have each kit."""
        return self._kits

    def snapshot(self, as_of: float) -> Fleet:
        """What is known now, for another thread: it never changes, whatever becomes of this.

        Costs next to nothing here, and afterwards a copy of what changes: of the list of hosts at the first change
        (some milliseconds for 100,000), of one kit's and one label's where a host of these does.
        """
        self._own_hosts = self._own_silent = False
        self._own_kits, self._own_by_label = set(), set()
        return Fleet(
            as_of=as_of,
            builds=self.builds.copy(),
            variants=self.variants.copy(),
            silent=self.silent,
            _hosts=self._hosts,
            _kits=self._kits.copy(),
            _by_label=self._by_label.copy(),
            _joined=self._joined,
            _pairs=self._pairs,
            _differences=self._differences,
        )

    def hush(self, name: str, since: float) -> None:
        """A host is silent, since then."""
        self._silent_to_change()[name] = since

    def hear(self, name: str) -> bool:
        """A host is heard; whether it was silent."""
        return name in self.silent and self._silent_to_change().pop(name, None) is not None

    def _silent_to_change(self) -> dict[str, float]:
        if not self._own_silent:
            self.silent, self._own_silent = self.silent.copy(), True
        return self.silent

    def _hosts_to_change(self) -> dict[str, KnownHost]:
        if not self._own_hosts:
            self._hosts, self._own_hosts = self._hosts.copy(), True
        return self._hosts

    def _of_kit(self, kit: Kit) -> dict[str, None]:
        """The hosts of a kit, to be changed."""
        found = self._kits.setdefault(kit, {})
        if self._own_kits is not None and kit not in self._own_kits:
            self._own_kits.add(kit)
            found = self._kits[kit] = found.copy()
        return found

    def _of_label(self, label: tuple[str, str]) -> set[str]:
        """The hosts of a label, to be changed."""
        found = self._by_label.setdefault(label, set())
        if self._own_by_label is not None and label not in self._own_by_label:
            self._own_by_label.add(label)
            found = self._by_label[label] = found.copy()
        return found

    def put_host(self, record: HostRecord) -> None:
        """Take note of what a host says of itself now."""
        if (before := self._hosts.get(record.name)) is not None:
            self._forget(before)
        kit = self._shared_kits.take(record.builds)
        labels = self._shared_labels.take(tuple(sorted(record.labels.items())))
        host = KnownHost(record.name, record.seq, record.time, labels, kit)
        self._hosts_to_change()[host.name] = host
        self._of_kit(kit)[host.name] = None
        for label in labels:
            self._of_label(label).add(host.name)

    def drop_host(self, name: str) -> None:
        """Forget a host."""
        if (host := self._hosts.get(name)) is not None:
            del self._hosts_to_change()[name]
            self._forget(host)
            self.hear(name)

    def _forget(self, host: KnownHost) -> None:
        self._shared_kits.give_back(host.kit)
        self._shared_labels.give_back(host.labels)
        having = self._of_kit(host.kit)
        del having[host.name]
        if not having:
            del self._kits[host.kit]
        for label in host.labels:
            named = self._of_label(label)
            named.discard(host.name)
            if not named:
                del self._by_label[label]

    def missing(self) -> Iterator[tuple[str, type[Build | Variant]]]:
        """The builds and variants that hosts name and that nobody has told yet, each once, and which of the two."""
        ones = [one for kit in self._kits for one in kit]
        yield from ((name, Build) for name in dict.fromkeys(one.build for one in ones) if name not in self.builds)
        yield from ((name, Variant) for name in dict.fromkeys(one.variant for one in ones) if name not in self.variants)

    def host(self, name: str) -> KnownHost:
        """The host of a name.

        :raise UsageError: where there is none.
        """
        if name not in self._hosts:
            raise UsageError(f"no host of this fleet is called {name[:200]!r}", hint="fleet hosts lists them")
        return self._hosts[name]

    def version(self, build: str) -> Version | None:
        """The version of a build; None where that was not told yet."""
        known = self.builds.get(build)
        return None if known is None else known.inventory.version

    def is_pair(self, build: str, variant: str) -> bool:
        """Whether both are known and belong together: a host may say anything of itself."""
        if build not in self.builds or variant not in self.variants:
            return False
        found = self._pairs.get((build, variant))
        if found is None:
            found = belongs(self.variants[variant], self.builds[build])
            remember(self._pairs, (build, variant), found, _PAIRS)
        return found

    def example(self, build: str, *, kvm: bool) -> HostBuild | None:
        """A QEMU of this build on some host, of which all is known; with ``kvm`` of a host that has KVM."""
        for kit in self._kits:
            for one in kit:
                if one.build != build or not self.is_pair(build, one.variant):
                    continue
                if not kvm or self.variants[one.variant].has_kvm:
                    return one
        return None

    def where(self, where: Where) -> Iterator[tuple[Kit, Collection[str]]]:
        """The kits of the hosts that are meant, each with these hosts."""
        if not where.labels:
            yield from self._kits.items()
            return
        first, *others = sorted((self._by_label.get(label, set()) for label in where.labels), key=len)
        kits: dict[Kit, list[str]] = {}
        for name in first.intersection(*others):
            kits.setdefault(self._hosts[name].kit, []).append(name)
        yield from kits.items()

    def count_silent(self, names: Iterable[str]) -> int:
        """How many of these hosts are silent."""
        if not self.silent:
            return 0
        if isinstance(names, Mapping) and len(names) > len(self.silent):
            return sum(name in names for name in self.silent)
        return sum(name in self.silent for name in names)

    def capabilities(self, build: str, variant: str) -> Capabilities:
        """What is known of one QEMU on one kind of host; kept for the next question.

        :raise FleetError: where its build or variant was not told yet, or they do not belong together.
        """
        key = (build, variant)
        found = self._joined.get(key)
        if found is None:
            if build not in self.builds or variant not in self.variants:
                raise FleetError(f"nobody has told yet what {build} or {variant} is")
            try:
                found = join(self.builds[build], self.variants[variant])
            except ValueError as error:
                raise FleetError(f"{build} and {variant} do not belong together: {error}") from error
            remember(self._joined, key, found, _JOINED)
        return found

    def differences(self, one: HostBuild, other: HostBuild) -> Differences:
        """How much differs between two QEMUs, group by group; kept for the next question, as it takes a while.

        :raise FleetError: as :meth:`capabilities`.
        """
        key = (one.build, one.variant, other.build, other.variant)
        found = self._differences.get(key)
        if found is None:
            before, after = (self.capabilities(qemu.build, qemu.variant) for qemu in (one, other))
            found = {group.name: group.counts for group in diff(before, after).groups if group.changes}
            remember(self._differences, key, found, _DIFFERENCES)
        return found
