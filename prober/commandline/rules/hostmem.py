"""Memory backends: the values of their properties, alone and together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from prober.commandline.line import Line, number, size, switch
from prober.commandline.options import Value
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule, Version
from prober.commandline.text import as_range

_RAM, _FILE, _MEMFD = "memory-backend-ram", "memory-backend-file", "memory-backend-memfd"
_ALL = (_RAM, _FILE, _MEMFD)

#: The size of a page of an x86 host.
_PAGE = 4096

#: The number of the last node of a host that there may be (``MAX_NODES``).
_LAST_NODE = 127

#: What is found of the properties of a backend: which of them it is about, and what is wrong.
_Find: TypeAlias = Callable[[Mapping[str, Value]], Iterator[tuple[str, str]]]


class _Row(NamedTuple):
    """What holds of one backend: the rest as of a :class:`Rule`, the examples without what comes before.

    ``parts`` are its properties of which one has to be there, where nothing is found without.
    """

    name: str
    says: str
    source: str
    types: tuple[str, ...]
    find: _Find
    wrong: str
    right: str
    since: Version = (0, 0, 0)
    hint: str = ""
    parts: tuple[str, ...] = ()

    def on(self, line: Line) -> Iterator[Fault]:
        """What is found of the backends of a line."""
        if line.is_open:
            return
        for item in line.objects:
            if item.qom_type in self.types:
                values = {name: value for name, value, _ in item.properties}
                for part, message in self.find(values):
                    yield Fault(item.place, part, message, self.hint)


def _size(values: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    if size(values.get("size")) == 0:
        yield "size", "memory of no size is none"


def _pages(name: str) -> _Find:
    def find(values: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
        found = size(values.get(name))
        if found is not None and found % _PAGE:
            yield name, f"{name} is a multiple of {_PAGE} bytes, the size of a page, not {found}"

    return find


def _huge(values: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    # It is looked at without huge pages as well, and one that is odd is taken for none.
    found = size(values.get("hugetlbsize"))
    if found is not None and not found & 1 and (found == 0 or found & (found - 1)):
        yield "hugetlbsize", f"hugetlbsize is a power of two, not {found}"


def _policy(values: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    policy, nodes = str(values.get("policy", "default")), values.get("host-nodes")
    if policy == "default" and nodes not in (None, []):
        yield "host-nodes", "host-nodes go with a policy: bind, preferred or interleave"
    elif policy in ("bind", "preferred", "interleave") and nodes in (None, []):
        yield "policy", f"policy={policy} goes with host-nodes"


def _nodes(values: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    nodes = values.get("host-nodes")
    for item in nodes if isinstance(nodes, list) else [nodes]:
        pair = as_range(item) if isinstance(item, str) else None
        last = pair[1] if pair is not None else number(item)
        if last is not None and last > _LAST_NODE:
            yield "host-nodes", f"nodes of a host are from 0 to {_LAST_NODE}, not {last}"
            return


def _threads(values: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    if number(values.get("prealloc-threads")) == 0:
        yield "prealloc-threads", "prealloc-threads is 1 or more, not 0"


def _reserved(values: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    if switch(values.get("prealloc")) is True and switch(values.get("reserve")) is False:
        yield "reserve", "memory that is allocated before (prealloc=on) is reserved: there is no reserve=off"


def _rom(values: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    if switch(values.get("rom")) is True and switch(values.get("readonly")) is not True:
        yield "rom", "rom=on goes with readonly=on"


_OF_FILE = f"{_FILE},id=m,size=4M,mem-path=/dev/shm"

_ROWS = (
    _Row("line/memory-size", "memory has a size", "backends/hostmem.c, host_memory_backend_set_size", _ALL, _size,
         f"{_RAM},id=m,size=0", f"{_RAM},id=m,size=4K"),
    _Row("line/memory-pages", "memory of a memfd is whole pages", "system/physmem.c, qemu_ram_alloc_from_fd",
         (_MEMFD,), _pages("size"), f"{_MEMFD},id=m,size=1K", f"{_MEMFD},id=m,size=4K"),
    _Row("line/memory-file-pages", "memory of a file is whole pages (since 10.0)",
         "backends/hostmem.c, host_memory_backend_memory_complete", (_FILE,), _pages("size"),
         f"{_FILE},id=m,size=1K,mem-path=/dev/shm", f"{_FILE},id=m,size=4K,mem-path=/dev/shm", (10, 0, 0)),
    _Row("line/memory-align", "the alignment of memory is whole pages", "system/physmem.c, file_ram_alloc", (_FILE,),
         _pages("align"), f"{_OF_FILE},align=3", f"{_OF_FILE},align=4K", parts=("align",)),
    _Row("line/memory-offset", "memory begins in its file where a page does", "system/physmem.c, file_ram_alloc",
         (_FILE,), _pages("offset"), f"{_OF_FILE},offset=1", f"{_OF_FILE},offset=0", (10, 0, 0),
         parts=("offset",)),
    _Row("line/memory-huge", "the size of a huge page is a power of two", "util/memfd.c, qemu_memfd_create", (_MEMFD,),
         _huge, f"{_MEMFD},id=m,size=6M,hugetlb=on,hugetlbsize=3M", f"{_MEMFD},id=m,size=6M,hugetlb=off",
         parts=("hugetlbsize",)),
    _Row("line/memory-policy", "a policy of memory goes with nodes of the host, and these with a policy",
         "backends/hostmem.c, host_memory_backend_memory_complete", _ALL, _policy,
         f"{_RAM},id=m,size=4M,policy=bind", f"{_RAM},id=m,size=4M,policy=default",
         parts=("policy", "host-nodes")),
    _Row("line/memory-nodes", "nodes of a host are from 0 to 127",
         "backends/hostmem.c, host_memory_backend_set_host_nodes", _ALL, _nodes,
         f"{_RAM},id=m,size=4M,policy=bind,host-nodes=128", f"{_RAM},id=m,size=4M", parts=("host-nodes",)),
    _Row("line/memory-threads", "memory is allocated by one thread or more",
         "backends/hostmem.c, host_memory_backend_set_prealloc_threads", _ALL, _threads,
         f"{_RAM},id=m,size=4M,prealloc-threads=0", f"{_RAM},id=m,size=4M,prealloc-threads=1",
         parts=("prealloc-threads",)),
    _Row("line/memory-reserve", "memory that is allocated before is reserved",
         "backends/hostmem.c, host_memory_backend_set_prealloc", _ALL, _reserved,
         f"{_RAM},id=m,size=4M,prealloc=on,reserve=off", f"{_RAM},id=m,size=4M,prealloc=on,reserve=on", (6, 1, 0),
         parts=("reserve",)),
    _Row("line/memory-rom", "memory that is ROM is read only", "backends/hostmem-file.c, file_backend_memory_alloc",
         (_FILE,), _rom, f"{_OF_FILE},rom=on", f"{_OF_FILE},rom=off", (8, 2, 0), parts=("rom",)),
)  # fmt: skip

_OF = "-display none -object "

RULES = tuple(
    Rule(
        row.name,
        row.says,
        row.source,
        row.on,
        row.parts or row.types,
        _OF + row.wrong,
        _OF + row.right,
        since=row.since,
    )
    for row in _ROWS
)
