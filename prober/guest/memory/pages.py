"""Which pages a piece of memory lies in, and whether it is taken at once (libvirt 11.3,
``qemuBuildMemoryGetPagesize``)."""

from __future__ import annotations

from typing import NamedTuple

from prober.commandline.deeds import MakeDirectory
from prober.commandline.options import Need, Prepared
from prober.domain.domain import Domain
from prober.domain.memory.backing import HugePage, MemoryBacking
from prober.domain.numa import Numa
from prober.domain.shared.memory import Wanted
from prober.host.directories import short_name
from prober.host.target import Target

#: The size of x86's usual pages, in KiB.
SYSTEM_PAGE = 4


class Pages(NamedTuple):
    """The size of huge pages in KiB (0 for usual ones), and whether a backend is needed to have them."""

    size: int
    are_needed: bool

    @property
    def are_huge(self) -> bool:
        """Whether they are other than the usual ones."""
        return self.size != 0


def pages_of(domain: Domain, target: Target, wanted: Wanted) -> Pages:
    """The pages of one piece of memory: its own, those of its NUMA node, or those of all."""
    if wanted.page_size:
        return Pages(0, False) if wanted.page_size == SYSTEM_PAGE else Pages(wanted.page_size, True)
    page, are_needed = _page_for(domain, wanted.cell)
    if page is None or page.kibibytes == SYSTEM_PAGE:
        return Pages(0, False)
    return Pages(page.kibibytes or default_size(target) or SYSTEM_PAGE, are_needed)


def _page_for(domain: Domain, cell: int | None) -> tuple[HugePage | None, bool]:
    """The ``<page>`` for a NUMA node, and whether it names the node."""
    general = None
    for page in domain.memory_backing.sizes:
        nodes = nodes_of(domain.numa, page)
        if nodes is None:
            general = page
        elif cell is not None and cell in nodes:
            return page, True
    return general, False


def nodes_of(numa: Numa | None, page: HugePage) -> tuple[int, ...] | None:
    """The NUMA nodes that a ``<page>`` is for; in a guest without any, node 0 is all of it."""
    if numa is None and page.nodeset == (0,):
        return None
    return page.nodeset


def default_size(target: Target) -> int | None:
    """The size of the host's usual huge pages in KiB, or None where hugetlbfs is not mounted."""
    sizes = [size for size, _ in target.settings.hugetlbfs_mount]
    default = target.settings.default_hugepage
    return default if default in sizes else next(iter(sizes), None)


def is_taken_at_once(backing: MemoryBacking, wanted: Wanted, pages: Pages) -> bool:
    """Whether QEMU takes all of the memory from the host before the guest starts."""
    if backing.allocation == "immediate":
        return True
    return wanted.fills_file if wanted.path is not None else pages.are_huge


def huge_path(domain_name: str, target: Target, size: int, owner: str) -> Prepared | None:
    """The directory for a guest's huge pages (libvirt, ``qemuGetDomainHupageMemPath``), or None without a mount."""
    mount = dict(target.settings.hugetlbfs_mount).get(size)
    if mount is None:
        return None
    path = f"{mount}/libvirt/qemu/{short_name(domain_name)}"
    todo = f"make the directory {path} on hugetlbfs, where QEMU can write, and have enough free pages of {size} KiB"
    return Prepared(path, Need("hugepages", owner, todo))


def file_path(domain_name: str, target: Target, name: str, owner: str) -> Prepared:
    """A file for a guest's memory (libvirt, ``qemuDomainGetMemoryBackingPath``)."""
    directory = f"{target.settings.memory_backing_dir}/{short_name(domain_name)}"
    todo = f"make the directory {directory}, where QEMU can write"
    return Prepared(f"{directory}/{name}", Need("memory", owner, todo, MakeDirectory(path=directory)))
