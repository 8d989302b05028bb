"""``<resource>``, ``<perf>`` and ``<idmap>``: where on its host a domain belongs, and how it is watched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from prober.commandline.refusal import Broken
from prober.domain.shared.twins import given_twice
from prober.xml.binding import At, Checked, Element, Neutral
from prober.xml.values import AbsolutePath, Count, YesNo

_PLACED = Neutral("where libvirt puts the running QEMU among the host's cgroups")
_WATCHED = Neutral("what libvirt counts of the running QEMU")
_CONTAINER = Neutral("for containers; libvirt does not use it with QEMU")

Event: TypeAlias = Literal[
    "cmt", "mbmt", "mbml", "cpu_cycles", "instructions", "cache_references", "cache_misses", "branch_instructions",
    "branch_misses", "bus_cycles", "stalled_cycles_frontend", "stalled_cycles_backend", "ref_cpu_cycles", "cpu_clock",
    "task_clock", "page_faults", "context_switches", "cpu_migrations", "page_faults_min", "page_faults_maj",
    "alignment_faults", "emulation_faults",
]  # fmt: skip


class ResourcePartition(Checked):
    """``<resource>``: a partition of the host, and a name for its Fibre Channel fabric."""

    partition: Annotated[AbsolutePath | None, At("partition"), _PLACED] = None
    appid: Annotated[str | None, At("fibrechannel/@appid"), _PLACED] = None

    def rules(self) -> Iterator[Broken]:
        """A name that a fabric takes (libvirt 11.3, ``virDomainDefResourceValidate``)."""
        if self.appid is not None and not (self.appid.isprintable() and 1 <= len(self.appid.encode()) <= 128):
            yield Broken("appid", "the name for Fibre Channel has 1 to 128 printable characters")


class PerfEvent(Element):
    """One counter of the kernel's."""

    name: Annotated[Event, At("@name"), _WATCHED]
    enabled: Annotated[YesNo, At("@enabled"), _WATCHED]


class Perf(Checked):
    """``<perf>``: which counters run."""

    events: Annotated[tuple[PerfEvent, ...], At("event"), _WATCHED] = ()

    def rules(self) -> Iterator[Broken]:
        """Each counter once."""
        for name in given_twice(event.name for event in self.events):
            yield Broken("events", f"<event name='{name}'> is given twice")


class IdMapRange(Element):
    """Numbers of users or groups inside, and what they are outside."""

    start: Annotated[Count, At("@start"), _CONTAINER]
    target: Annotated[Count, At("@target"), _CONTAINER]
    count: Annotated[Count, At("@count"), _CONTAINER]


class IdMap(Checked):
    """``<idmap>``: how users of a container are known to the host; QEMU runs no containers."""

    uids: Annotated[tuple[IdMapRange, ...], At("uid"), _CONTAINER] = ()
    gids: Annotated[tuple[IdMapRange, ...], At("gid"), _CONTAINER] = ()

    def rules(self) -> Iterator[Broken]:
        """Users and groups alike, and root among them (libvirt 11.3, ``virDomainDefIdMapValidate``)."""
        if bool(self.uids) != bool(self.gids):
            yield Broken("", "<uid> and <gid> are mapped both, or neither")
        for name in ("uids", "gids"):
            ranges = getattr(self, name)
            if ranges and min(one.start for one in ranges) != 0:
                yield Broken(name, f"<{name[:-1]}> must map number 0, which is root")
