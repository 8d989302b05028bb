"""What cannot be of huge pages and of the rest of ``<memoryBacking>``, once all of the memory is known."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from prober.commandline.refusal import Place, Refusal
from prober.devices.memory import MemoryModule
from prober.domain.domain import Domain
from prober.domain.memory import MemoryBacking
from prober.domain.numa import Numa
from prober.domain.shared.memory import Wanted
from prober.guest.memory.cells import wanted_for, wanted_for_all
from prober.guest.memory.pages import default_size, nodes_of, pages_of
from prober.host.target import Target


def check_memory(domain: Domain, target: Target) -> Iterator[Refusal]:
    """What cannot be."""
    yield from _check_least(domain, target)
    yield from _check_page_nodes(domain)
    yield from _check_pages(domain, target)
    if domain.plain_memory:
        yield from _check_plain(domain.memory_backing, domain.numa)


def _check_least(domain: Domain, target: Target) -> Iterator[Refusal]:
    """The board of some machines has no less (QEMU, ``hw/loongarch/virt.c``, ``virt_init``)."""
    least = target.family.least_memory // 1024
    if domain.memory.kibibytes < least:
        message = f"machine {target.machine} of {target.caps.target} has {least} KiB of memory or more"
        yield Refusal(place=domain.memory.place(), message=message)


def _check_page_nodes(domain: Domain) -> Iterator[Refusal]:
    """Which ``<page>`` is for which node (libvirt, ``virDomainDefMemtuneValidate``)."""
    count = len(domain.numa.cells) if domain.numa is not None else 0
    pages = domain.memory_backing.sizes
    for one, other in combinations(pages, 2):
        first, second = nodes_of(domain.numa, one), nodes_of(domain.numa, other)
        if first is None and second is None:
            yield Refusal(place=other.place(), message="two sizes of huge pages are for all of the memory")
        elif first is not None and second is not None and set(first) & set(second):
            yield Refusal(place=other.place("nodeset"), message="two sizes of huge pages are for one NUMA node")
    for page in pages:
        beyond = [node for node in nodes_of(domain.numa, page) or () if node >= count]
        if beyond:
            message = f"huge pages are for NUMA node {beyond[0]}, which the guest does not have"
            yield Refusal(place=page.place("nodeset"), message=message)


def _pieces(domain: Domain, target: Target) -> Iterator[tuple[Wanted, Place]]:
    """All of the memory that huge pages may be asked for, and where they are; without ``<hugepages>`` a module alone
    can ask for some."""
    place = domain.memory_backing.place("hugepages")
    if domain.memory_backing.hugepages is not None:
        for cell in domain.numa.cells if domain.numa is not None else ():
            yield wanted_for(cell), place
        whole = wanted_for_all(domain, target)
        if whole is not None:
            yield whole, place
    for module in domain.devices.of(MemoryModule):
        wanted = module.wanted()
        yield wanted, module.place("page_size") if wanted.page_size else place


def _check_pages(domain: Domain, target: Target) -> Iterator[Refusal]:
    """Sizes of huge pages that the host has no mount for."""
    mounts = dict(target.settings.hugetlbfs_mount)
    asked: dict[int, Place] = {}
    if domain.memory_backing.sizes and default_size(target) is None:
        place = domain.memory_backing.place("hugepages")
        yield Refusal(place=place, message="the host has no hugetlbfs mounted, and so no huge pages")
        return
    for wanted, place in _pieces(domain, target):
        pages = pages_of(domain, target, wanted)
        in_file = wanted.path is None and domain.memory_backing.source != "memfd"
        if pages.are_huge and in_file and pages.size not in mounts:
            asked.setdefault(pages.size, place)
    for size, place in asked.items():
        known = ", ".join(f"{number} KiB" for number in sorted(mounts))
        message = f"the host has no huge pages of {size} KiB mounted"
        yield Refusal(place=place, message=message, hint=f"there are {known}" if known else "")


def _check_plain(backing: MemoryBacking, numa: Numa | None) -> Iterator[Refusal]:
    """What plain memory, without a backend, has no option for."""
    if backing.access == "shared" and numa is None:
        message = "this machine's memory can be shared only if the guest has NUMA nodes"
        yield Refusal(place=backing.place("access"), message=message, hint="add <cpu><numa> with one <cell>")
    if backing.source == "memfd" and numa is None:
        yield Refusal(place=backing.place("source"), message="this machine's memory cannot be a memfd")
    if backing.threads:
        yield Refusal(place=backing.place("threads"), message="this machine's memory is taken by one thread")
