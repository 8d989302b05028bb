"""``<numatune>``: which of the host's NUMA nodes the guest's memory comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, TypeAlias

from prober.commandline.refusal import Broken, Place, Refusal
from prober.domain.shared.twins import given_twice
from prober.host.host import Host
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Checked, Element
from prober.xml.values import Count, NumberSet

#: How strictly: ``restrictive`` is left to the host's cgroups, the others are QEMU's to keep.
NumaMode: TypeAlias = Literal["strict", "preferred", "interleave", "restrictive"]


class NumatuneMemory(Checked):
    """``<memory>``: for all that no ``<memnode>`` is about."""

    mode: Annotated[NumaMode, At("@mode"), Becomes("`policy` of backends")] = "strict"
    placement: Annotated[
        Literal["static", "auto"] | None, At("@placement"), Becomes("whether numad chooses `host-nodes`")
    ] = None
    nodeset: Annotated[
        NumberSet | None, At("@nodeset"), Becomes("`host-nodes` of backends; with placement='auto' numad has the say")
    ] = None

    def rules(self) -> Iterator[Broken]:
        """The nodes are given, or found by numad (libvirt, ``virDomainNumatuneSet``)."""
        if self.placement == "static" and self.nodeset is None:
            yield Broken("placement", "placement='static' needs a nodeset")

    @property
    def says_nothing(self) -> bool:
        """Whether it has none of its attributes, and so counts for nothing."""
        return self.placement is None and self.nodeset is None and not self.given("mode")


class Memnode(Element):
    """``<memnode>``: for one NUMA node of the guest."""

    cell: Annotated[Count, At("@cellid"), Becomes("which `memory-backend-…` it is about")]
    mode: Annotated[NumaMode, At("@mode"), Becomes("`policy` of the backend")] = "strict"
    nodeset: Annotated[NumberSet, At("@nodeset"), Becomes("`host-nodes` of the backend")]


class Numatune(Checked):
    """``<numatune>``: the host's NUMA nodes that the guest's memory comes from.  A completed one says of ``memory``
    where it is placed.
    """

    memory: Annotated[NumatuneMemory | None, At("memory")] = None
    memnodes: Annotated[tuple[Memnode, ...], At("memnode")] = ()

    def rules(self) -> Iterator[Broken]:
        """What goes together (libvirt, ``virDomainNumaDefValidate``)."""
        of_all = self.memory.mode if self.memory is not None else "strict"
        for node in self.memnodes:
            if (of_all == "restrictive") != (node.mode == "restrictive"):
                yield Broken("memnodes", "mode='restrictive' is for <memory> and every <memnode>, or for none")
        for cell in given_twice(node.cell for node in self.memnodes):
            yield Broken("memnodes", f"there are two <memnode> for cell {cell}")

    def node(self, cell: int | None) -> Memnode | None:
        """What is said of one NUMA node of the guest."""
        return next((node for node in self.memnodes if node.cell == cell), None)

    def mode(self, cell: int | None) -> NumaMode:
        """How strictly a piece of memory keeps to its nodes."""
        node = self.node(cell)
        if node is not None:
            return node.mode
        return self.memory.mode if self.memory is not None else "strict"

    def nodes(self, cell: int | None, host: Host) -> tuple[int, ...] | None:
        """The host's nodes for a piece of memory (libvirt, ``virDomainNumatuneGetNodeset``)."""
        if self.memory is not None and self.memory.placement == "auto":
            return host.numad_nodes
        node = self.node(cell)
        if node is not None:
            return node.nodeset
        return self.memory.nodeset if self.memory is not None else None

    def place_of(self, cell: int | None) -> Place:
        """Where the XML says it."""
        node = self.node(cell)
        if node is not None:
            return node.place("nodeset")
        return self.memory.place("nodeset") if self.memory is not None else self.place()


def check_nodes(nodes: Iterable[int], place: Place, target: Target) -> Iterator[Refusal]:
    """NUMA nodes that the host does not have, where it is known which it has."""
    if target.host.numa_nodes is None:
        return
    have = {number for number, _ in target.host.numa_nodes}
    for node in nodes:
        if node not in have:
            yield Refusal(place=place, message=f"the host has no NUMA node {node}")
            return
