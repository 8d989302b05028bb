"""The memory that a guest takes of the host: huge pages, free per size and node, files behind it, and locked memory."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator

from prober.commandline.line import size as as_size
from prober.commandline.refusal import Place
from prober.rehearsal.preflight.files import look_at_written
from prober.rehearsal.preflight.ground import Ground, in_units, is_right, is_unknown, is_wrong, unless_there
from prober.rehearsal.preflight.model import HostFinding
from prober.rehearsal.preflight.view import READ, WRITE, SeenHost
from prober.rehearsal.preflight.wanted import HostItem, HostNeed

_PAGES = "/sys/kernel/mm/hugepages"
_NODES = "/sys/devices/system/node"

#: What QEMU needs of locked memory beside the guest's (libvirt, ``qemuDomainGetMemLockLimitBytes``: 1 GiB).
_MORE_LOCKED = 1 << 30

_MOST_OF_MOUNTS = 1 << 20


def look_at_memory(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    """``-object memory-backend-*``: the nodes it is bound to, and where it is a file, the file."""
    yield from _look_at_nodes(item, on)
    path = item.text("mem-path")
    if item.name != "memory-backend-file" or not path or item.needs:
        return  # A place that somebody makes first: its need tells of it.
    wanted = as_size(item.values.get("size")) or 0
    way = on.view.walk(path, READ, *([] if item.is_on("readonly") else [WRITE]))
    why = "the guest's memory is in it"
    if way.found is None or way.end != "there":
        yield from look_at_written("memory", path, item.where("mem-path"), on)
    elif stat.S_ISREG(way.found.st_mode) and 0 < way.found.st_size < wanted:
        said = f"{path} has {in_units(way.found.st_size)}, and the XML says {in_units(wanted)}"
        todo = f"truncate --size={wanted} {path}"
        yield is_wrong("memory", said, item.where("mem-path"), f"{why}; QEMU refuses a file that is smaller", todo)
    else:
        yield is_right("memory", f"{path} is there, and open to {on.view.user.name}", item.where("mem-path"))


def _numbers(value: object) -> list[int]:
    """The nodes that ``host-nodes`` names, as JSON or as ranges."""
    found: list[int] = []
    for one in value if isinstance(value, list) else str(value).split(",") if value is not None else ():
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", str(one))
        if match is not None:
            found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


def _look_at_nodes(item: HostItem, on: Ground) -> Iterator[HostFinding]:
    nodes = _numbers(item.values.get("host-nodes"))
    if not nodes:
        return
    place, why = item.where("host-nodes"), "QEMU binds the guest's memory to it, and ends where it cannot"
    there = on.view.names_in(_NODES)
    if there is None:
        yield is_unknown("memory", "the NUMA nodes of this host cannot be listed", place, why)
        return
    missing = [str(node) for node in nodes if f"node{node}" not in there]
    if missing:
        said = f"this host has no NUMA node {', '.join(missing)}"
        yield is_wrong("memory", said, place, why, "name nodes that `lscpu` has in <numatune>")
    else:
        yield is_right("memory", f"this host has the NUMA nodes {', '.join(map(str, nodes))}", place)


class _Demand:
    """Huge pages of one size that the guest takes: from anywhere, and from nodes."""

    def __init__(self) -> None:
        self.bytes = 0
        self.of_node: dict[int, int] = {}
        self.place: Place | None = None


def look_at_huge_pages(on: Ground) -> Iterator[HostFinding]:
    """All huge pages of a guest at once, as its pieces of memory take from one store."""
    demands: dict[int, _Demand] = {}
    for item in on.wanted.of("object"):
        page, size = _page_of(item, on), as_size(item.values.get("size"))
        if page is None or size is None:
            continue
        demand = demands.setdefault(page, _Demand())
        demand.bytes += -(-size // page) * page
        demand.place = demand.place or item.where("size")
        nodes = _numbers(item.values.get("host-nodes"))
        if len(nodes) == 1 and item.text("policy") == "bind":
            demand.of_node[nodes[0]] = demand.of_node.get(nodes[0], 0) + size
    for page, demand in sorted(demands.items()):
        yield from _look_at_size(page, demand, on)


def _page_of(item: HostItem, on: Ground) -> int | None:
    """The size of the huge pages (bytes) that a piece of memory lies in; None for usual ones."""
    if item.name == "memory-backend-memfd" and item.is_on("hugetlb"):
        page = as_size(item.values.get("hugetlbsize"))
        return page or on.wanted.target.settings.default_hugepage * 1024
    if item.name == "memory-backend-file" and any(need.kind == "hugepages" for need in item.needs):
        path = item.text("mem-path")
        for kibibytes, mount in on.wanted.target.settings.hugetlbfs_mount:
            if path.startswith(f"{mount}/"):
                return kibibytes * 1024
    return None


def _look_at_size(page: int, demand: _Demand, on: Ground) -> Iterator[HostFinding]:
    view, place = on.view, demand.place or on.wanted.domain.place()
    name, wanted = f"hugepages-{page >> 10}kB", demand.bytes // page
    why = "QEMU takes them when it starts, and ends without: Cannot allocate memory"
    free = view.number(f"{_PAGES}/{name}/free_hugepages")
    if free is None:
        if view.names_in(_PAGES) is None:
            yield is_unknown("huge pages", "the sizes of huge pages cannot be listed", place, why)
        else:
            todo = f"start the kernel with hugepagesz={page >> 20}M, or choose a size of {_PAGES}"
            yield is_wrong("huge pages", f"this kernel has no huge pages of {in_units(page)}", place, why, todo)
        return
    reserved = view.number(f"{_PAGES}/{name}/resv_hugepages") or 0
    surplus = (view.number(f"{_PAGES}/{name}/nr_overcommit_hugepages") or 0) - (
        view.number(f"{_PAGES}/{name}/surplus_hugepages") or 0
    )
    free = free - reserved
    if free + max(0, surplus) < wanted:
        more = (view.number(f"{_PAGES}/{name}/nr_hugepages") or 0) + wanted - free
        said = f"{free} huge pages of {in_units(page)} are free, and the guest takes {wanted}"
        yield is_wrong("huge pages", said, place, why, f"echo {more} > {_PAGES}/{name}/nr_hugepages")
    else:
        yield is_right("huge pages", f"{free} huge pages of {in_units(page)} are free for {wanted}", place)
    for node, size in sorted(demand.of_node.items()):
        yield from _look_at_node(node, page, -(-size // page), place, view)


def _look_at_node(node: int, page: int, wanted: int, place: Place, view: SeenHost) -> Iterator[HostFinding]:
    path = f"{_NODES}/node{node}/hugepages/hugepages-{page >> 10}kB"
    free = view.number(f"{path}/free_hugepages")
    why = "the guest's memory is bound to the node: it ends with SIGBUS where a page is not to be had there"
    if free is None:
        yield is_unknown("huge pages", f"the free pages of NUMA node {node} are not known", place, why)
    elif free < wanted:
        more = (view.number(f"{path}/nr_hugepages") or 0) + wanted - free
        said = f"NUMA node {node} has {free} free huge pages of {in_units(page)}, and the guest takes {wanted} there"
        yield is_wrong("huge pages", said, place, why, f"echo {more} > {path}/nr_hugepages")
    else:
        yield is_right("huge pages", f"NUMA node {node} has {free} free huge pages of {in_units(page)}", place)


def look_at_hugetlbfs(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """The mount that the pages are taken from."""
    mounts = {mount: size for size, mount in on.wanted.target.settings.hugetlbfs_mount}
    mount = next((one for one in mounts if wish.text.startswith(f"{one}/")), None)
    why = "the guest's memory is a file there"
    text = on.view.read("/proc/mounts", _MOST_OF_MOUNTS)
    if mount is None or text is None:
        yield is_unknown("huge pages", f"what is mounted for {wish.text} is not known", wish.place, why)
        return
    lines = [words for line in text.splitlines() if len(words := line.split()) > 3 and words[1] == mount]
    if any(words[2] == "hugetlbfs" for words in lines):
        yield is_right("huge pages", f"hugetlbfs is mounted on {mount}", wish.place)
    else:
        todo = f"mkdir -p {mount}; mount -t hugetlbfs -o pagesize={mounts[mount]}K hugetlbfs {mount}"
        yield is_wrong("huge pages", f"no hugetlbfs is mounted on {mount}", wish.place, why, todo)


def look_at_memory_file(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """The directory that a guest's memory is in, which whoever starts QEMU makes: there must be room for it."""
    directory = on.wanted.target.settings.memory_backing_dir
    why = "the guest's memory is a file there"
    way = on.view.walk(directory)
    lost = unless_there("memory", way, wish.place, why, f"mkdir -p {directory}")
    if lost is not None:
        yield lost
        return
    try:
        room = os.statvfs(way.real)
    except OSError as error:
        yield is_unknown("memory", f"how much is free in {directory} is not known: {error.strerror}", wish.place, why)
        return
    free, wanted = room.f_bavail * room.f_frsize, on.wanted.domain.boot_kibibytes * 1024
    if free < wanted:
        said = f"{directory} has room for {in_units(free)}, and the guest has {in_units(wanted)}"
        yield is_wrong("memory", said, wish.place, why, f"make room: df {directory}")
    else:
        yield is_right("memory", f"{directory} has room for the guest's memory", wish.place)


_LIMIT = re.compile(r"^Max locked memory\s+(\d{1,20}|unlimited)", re.MULTILINE)


def look_at_locked_memory(place: Place, on: Ground) -> Iterator[HostFinding]:
    """How much memory the user may lock, as far as that is known: it is the limit of whoever starts QEMU."""
    wanted = on.wanted.domain.boot_kibibytes * 1024 + _MORE_LOCKED
    why = "all of the guest's memory is locked, and QEMU ends where it may not be: Cannot allocate memory"
    if on.view.user.uid == 0:
        yield is_right("locked memory", "root may lock any amount of memory", place)
        return
    match = _LIMIT.search(on.view.read("/proc/self/limits", 8192) or "")
    if match is None:
        yield is_unknown("locked memory", "how much memory may be locked is not known", place, why)
        return
    if match[1] == "unlimited" or int(match[1]) >= wanted:
        yield is_right("locked memory", f"{match[1]} bytes of memory may be locked", place)
        return
    said = f"{in_units(int(match[1]))} may be locked here, and the guest needs {in_units(wanted)}"
    todo = f"LimitMEMLOCK={wanted} in the unit that starts QEMU, or: prlimit --memlock={wanted} --pid $$"
    if on.view.asks_kernel:
        yield is_wrong("locked memory", f"{said}; libvirt raises it by itself", place, why, todo)
    else:
        yield is_unknown("locked memory", f"{said}; of {on.view.user.name} it is not known", place, why, todo)


def look_at_lock(wish: HostNeed, on: Ground) -> Iterator[HostFinding]:
    """``<locked/>``."""
    yield from look_at_locked_memory(wish.place, on)
