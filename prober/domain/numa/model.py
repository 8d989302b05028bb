"""The models of ``<numa>``: cells, how far they are from each other, their caches, and what leads between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Annotated, ClassVar, Literal, TypeAlias

from prober.commandline.refusal import Broken
from prober.domain.memory.backing import MemoryAccess
from prober.domain.shared.memory import in_kibibytes
from prober.xml.binding import At, Becomes, Checked, Element
from prober.xml.values import Amount, Count, NumberSet, PositiveCount, Unit, YesNo

#: The distance of a node to itself, to another where nobody says, and to one that cannot be reached (ACPI 6.1, 5.2.17).
LOCAL, REMOTE, UNREACHABLE = 10, 20, 255

#: What an interconnect is measured for.
AccessType: TypeAlias = Literal["access", "read", "write"]


class Sibling(Element):
    """``<sibling>``: how far it is to one other node."""

    id: Annotated[Count, At("@id"), Becomes("`dst` of `-numa dist`")]
    value: Annotated[Count, At("@value"), Becomes("`val` of `-numa dist`")]


class Distances(Checked):
    """``<distances>``."""

    siblings: Annotated[tuple[Sibling, ...], At("sibling")] = ()

    def rules(self) -> Iterator[Broken]:
        """Empty, it would say nothing."""
        if not self.siblings:
            yield Broken("", "<distances> needs a <sibling>")


class CellCache(Checked):
    """``<cache>``: one level of the memory's own cache.

    libvirt 11.3 does not look at the units of its two sizes (``virDomainNumaDefNodeCacheParseXML``), so only those
    that it takes them for are understood.
    """

    level: Annotated[PositiveCount, At("@level"), Becomes("`level` of `-numa hmat-cache`")]
    associativity: Annotated[Literal["none", "direct", "full"], At("@associativity"), Becomes("`associativity`")]
    policy: Annotated[Literal["none", "writeback", "writethrough"], At("@policy"), Becomes("`policy`")]
    size: Annotated[Count, At("size/@value"), Becomes("`size`")]
    size_unit: Annotated[Unit, At("size/@unit"), Becomes("what `size` is counted in; KiB alone")]
    line: Annotated[Count, At("line/@value"), Becomes("`line`")]
    line_unit: Annotated[Unit, At("line/@unit"), Becomes("what `line` is counted in; bytes alone")]

    def rules(self) -> Iterator[Broken]:
        """Three levels, and one unit for each size."""
        if self.level > 3:
            yield Broken("level", "there are three levels of cache")
        if self.size_unit not in ("K", "KiB"):
            yield Broken("size_unit", "the size of a NUMA node's cache is given in KiB")
        if self.line_unit not in ("b", "byte", "bytes"):
            yield Broken("line_unit", "the line of a NUMA node's cache is given in B")


class Cell(Checked):
    """``<cell>``: one node, with CPUs and memory of its own."""

    id: Annotated[Count | None, At("@id"), Becomes("`nodeid`; without one the place among the cells")] = None
    cpus: Annotated[NumberSet | None, At("@cpus"), Becomes("`cpus`")] = None
    memory: Annotated[Amount, At("@memory"), Becomes("`size` of the node's backend, or `mem`")]
    unit: Annotated[Unit, At("@unit"), Becomes("what the memory is counted in")] = "KiB"
    access: Annotated[MemoryAccess | None, At("@memAccess"), Becomes("`share` of the node's backend")] = None
    discard: Annotated[YesNo | None, At("@discard"), Becomes("`discard-data` of the node's backend")] = None
    distances: Annotated[Distances | None, At("distances")] = None
    caches: Annotated[tuple[CellCache, ...], At("cache")] = ()

    @property
    def kibibytes(self) -> int:
        """Its memory in KiB."""
        return in_kibibytes(self.memory, self.unit)

    @property
    def number(self) -> int:
        """The id of a completed cell."""
        assert self.id is not None
        return self.id

    def rules(self) -> Iterator[Broken]:
        """A level of cache is there once."""
        levels = [cache.level for cache in self.caches]
        if len(set(levels)) != len(levels):
            yield Broken("caches", "two caches of one cell have the same level")


class Interconnect(Element):
    """What leads from the CPUs of one node to the memory of another."""

    choices: ClassVar[Mapping[str, type[Element]]] = {}
    #: What is said of it, by QEMU's word.
    kind: ClassVar[str] = ""

    initiator: Annotated[Count, At("@initiator"), Becomes("`initiator` of `-numa hmat-lb`")]
    target: Annotated[Count, At("@target"), Becomes("`target`")]
    cache: Annotated[Count, At("@cache"), Becomes("`hierarchy`")] = 0
    type: Annotated[AccessType, At("@type"), Becomes("`data-type`")]
    value: Annotated[Count, At("@value"), Becomes("`latency` or `bandwidth`")]

    @property
    def amount(self) -> int | str:
        """The value as QEMU reads it."""
        return self.value

    @property
    def weight(self) -> int:
        """The value as it compares with others of its kind."""
        return self.value

    @property
    def key(self) -> tuple[object, ...]:
        """All but the value: what may be said once."""
        return self.kind, self.initiator, self.target, self.cache, self.type


class Latency(Interconnect):
    """``<latency>``: in nanoseconds."""

    kind = "latency"


class Bandwidth(Interconnect):
    """``<bandwidth>``: an amount in a second."""

    kind = "bandwidth"

    unit: Annotated[Unit, At("@unit"), Becomes("what `bandwidth` is counted in")] = "KiB"

    @property
    def weight(self) -> int:
        """In KiB."""
        return in_kibibytes(self.value, self.unit)

    @property
    def amount(self) -> int | str:
        """In KiB, as QEMU writes it."""
        return f"{self.weight}K"


Interconnect.choices = {"latency": Latency, "bandwidth": Bandwidth}


class Interconnects(Element):
    """``<interconnects>``, in the order of the XML."""

    every: Annotated[tuple[Interconnect, ...], At("*")] = ()


class Numa(Checked):
    """``<numa>``.  The cells of a completed one stand in the order of their ids."""

    cells: Annotated[tuple[Cell, ...], At("cell")] = ()
    interconnects: Annotated[Interconnects | None, At("interconnects")] = None

    @property
    def links(self) -> tuple[Interconnect, ...]:
        """The interconnects."""
        return self.interconnects.every if self.interconnects is not None else ()

    @property
    def has_hmat(self) -> bool:
        """Whether the guest is told how fast its memory is (libvirt, ``virDomainNumaHasHMAT``)."""
        return bool(self.links) or any(cell.caches for cell in self.cells)

    def rules(self) -> Iterator[Broken]:
        """What libvirt refuses (11.3, ``virDomainNumaDefParseXML`` and ``virDomainNumaDefValidate``)."""
        if not self.cells:
            yield Broken("", "<numa> needs a <cell>")
        ids = [at if cell.id is None else cell.id for at, cell in enumerate(self.cells)]
        if sorted(ids) != list(range(len(ids))):
            yield Broken("cells", "the ids of cells are numbers from 0 on, without a gap and each once")
            return
        for one, other in combinations(self.cells, 2):
            if one.cpus and other.cpus and set(one.cpus) & set(other.cpus):
                yield Broken("cells", "two cells have a CPU in common")
                break
        for own, cell in zip(ids, self.cells, strict=True):
            yield from _distance_rules(own, cell, len(ids))
        yield from self._link_rules(dict(zip(ids, self.cells, strict=True)))

    def _link_rules(self, cells: Mapping[int, Cell]) -> Iterator[Broken]:
        said: set[tuple[object, ...]] = set()
        ways: set[tuple[int, int]] = set()
        for link in self.links:
            if link.initiator not in cells or link.target not in cells:
                yield Broken("interconnects", "an interconnect is about a cell that is not there")
                continue
            if link.cache and link.cache not in {cache.level for cache in cells[link.target].caches}:
                yield Broken("interconnects", f"cell {link.target} has no cache of level {link.cache}")
            if link.key in said:
                yield Broken("interconnects", "an interconnect is given twice")
            if link.initiator != link.target and (link.target, link.initiator) in ways:
                yield Broken(
                    "interconnects", f"the way between cells {link.initiator} and {link.target} is given already"
                )
            said.add(link.key)
            ways.add((link.initiator, link.target))


def _distance_rules(own: int, cell: Cell, count: int) -> Iterator[Broken]:
    for sibling in cell.distances.siblings if cell.distances is not None else ():
        if sibling.id >= count:
            yield Broken("cells", f"cell {own} has a distance to cell {sibling.id}, which is not there")
        elif not LOCAL <= sibling.value <= UNREACHABLE or (sibling.id == own) != (sibling.value == LOCAL):
            yield Broken(
                "cells",
                f"{sibling.value} cannot be the distance from cell {own} to {sibling.id}: it is {LOCAL} to itself, "
                f"and up to {UNREACHABLE} to others",
            )
