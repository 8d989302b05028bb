"""``<memoryBacking>``: what the guest's memory is made of on the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from prober.commandline.refusal import Broken
from prober.domain.shared.memory import in_kibibytes
from prober.xml.binding import At, Becomes, Checked, Element
from prober.xml.values import Amount, Count, NumberSet, Unit

#: Whether other processes share the memory with QEMU.
MemoryAccess: TypeAlias = Literal["shared", "private"]


class HugePage(Checked):
    """``<page>``: a size of huge pages, for all of the memory or for some of the guest's NUMA nodes."""

    size: Annotated[Amount, At("@size"), Becomes("the mount that `mem-path` leads to, or `hugetlbsize`")]
    unit: Annotated[Unit, At("@unit"), Becomes("what the size is counted in")] = "KiB"
    nodeset: Annotated[NumberSet | None, At("@nodeset"), Becomes("which NUMA nodes have such pages")] = None

    @property
    def kibibytes(self) -> int:
        """The size of one page in KiB."""
        return in_kibibytes(self.size, self.unit)

    def rules(self) -> Iterator[Broken]:
        """A page has a size."""
        if self.size == 0:
            yield Broken("size", "a huge page has a size")


class HugePages(Element):
    """``<hugepages>``: without ``<page>`` of the host's usual size."""

    pages: Annotated[tuple[HugePage, ...], At("page")] = ()

    @property
    def sizes(self) -> tuple[HugePage, ...]:
        """Each ``<page>``; one of size 0 stands for the host's usual size."""
        return self.pages or (HugePage(size=1, places=self.places).replace(size=0),)


class MemoryBacking(Checked):
    """``<memoryBacking>``: what the guest's memory is on the host: pages, files, whether others may map it."""

    hugepages: Annotated[HugePages | None, At("hugepages")] = None
    nosharepages: Annotated[bool, At("nosharepages"), Becomes("`mem-merge=off` of `-machine`")] = False
    locked: Annotated[bool, At("locked"), Becomes("`-overcommit mem-lock=on`")] = False
    source: Annotated[
        Literal["file", "anonymous", "memfd"] | None,
        At("source/@type"),
        Becomes("`memory-backend-file`, `memory-backend-ram` or `memory-backend-memfd`"),
    ] = None
    access: Annotated[MemoryAccess | None, At("access/@mode"), Becomes("`share`")] = None
    allocation: Annotated[Literal["immediate", "ondemand"] | None, At("allocation/@mode"), Becomes("`prealloc`")] = None
    threads: Annotated[Count, At("allocation/@threads"), Becomes("`prealloc-threads`")] = 0
    discard: Annotated[bool, At("discard"), Becomes("`discard-data` of memory in files")] = False

    @property
    def sizes(self) -> tuple[HugePage, ...]:
        """The sizes of huge pages that are asked for."""
        return self.hugepages.sizes if self.hugepages is not None else ()

    def rules(self) -> Iterator[Broken]:
        """Huge pages are taken at once, and are no anonymous memory (libvirt, ``qemuValidateDomainDefMemory``)."""
        if self.hugepages is not None and self.allocation == "ondemand":
            yield Broken("allocation", "huge pages are taken when the guest starts, not on demand")
        if self.hugepages is not None and self.source == "anonymous":
            yield Broken("source", "huge pages are no anonymous memory")
