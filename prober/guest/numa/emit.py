"""``-numa`` (libvirt 11.3, ``qemuBuildNumaCommandLine``)."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.options import Keyval, Option, Property
from prober.commandline.text import Text
from prober.domain.domain import Domain
from prober.domain.numa.model import LOCAL, REMOTE, Cell, Interconnect, Numa
from prober.guest.memory.backend import build_backend
from prober.guest.memory.cells import wanted_for
from prober.guest.memory.old_style import emit_old_style
from prober.host.target import Target
from prober.xml.values import ranges

#: QEMU's words for the levels of a cache; 0 is the memory itself.
_HIERARCHY = ("memory", "first-level", "second-level", "third-level")

_ASSOCIATIVITY = {"none": "none", "direct": "direct", "full": "complex"}
_POLICY = {"none": "none", "writeback": "write-back", "writethrough": "write-through"}


def machine_numa(numa: Numa | None) -> Iterator[Property]:
    """What ``-machine`` says of it: whether there is a table of how fast memory is."""
    if numa is not None and numa.has_hmat:
        yield Property("hmat", True, numa.place())


def emit_numa(domain: Domain, target: Target) -> Iterator[Option]:
    """The nodes, each after its backend or all after what stands for it; then distances, and how fast memory and caches
    are."""
    numa = domain.numa
    if numa is None:
        return
    if domain.plain_memory:
        yield from emit_old_style(domain, target)
    first = next((cell.number for cell in numa.cells if cell.cpus), 0)
    for cell in numa.cells:
        if not domain.plain_memory:
            yield from build_backend(domain, target, wanted_for(cell))
        yield Keyval("-numa", "node", tuple(_node(domain, numa, cell, first)), cell.place())
    yield from _emit_distances(numa)
    if numa.has_hmat:
        for link in numa.links:
            yield _link(link)
        for cell in numa.cells:
            yield from _emit_caches(cell)


def _node(domain: Domain, numa: Numa, cell: Cell, first: int) -> Iterator[Property]:
    yield Property("nodeid", cell.number, cell.place("id"))
    for run in ranges(cell.cpus or ()):
        yield Property("cpus", Text(run), cell.place("cpus"))
    if numa.has_hmat:
        initiator = _initiator(numa, cell)
        yield Property("initiator", first if initiator is None else initiator, cell.place())
    if domain.plain_memory:
        yield Property("mem", Text(cell.kibibytes // 1024), cell.place("memory"))
    else:
        yield Property("memdev", f"ram-node{cell.number}", cell.place("memory"))


def _initiator(numa: Numa, cell: Cell) -> int | None:
    """The node whose CPUs are nearest to this memory (libvirt, ``virDomainNumaGetNodeInitiator``)."""
    if cell.cpus:
        return cell.number
    to_it = [link for link in numa.links if link.target == cell.number]
    latencies = [link for link in to_it if link.kind == "latency"]
    if latencies:
        return min(latencies, key=lambda link: link.value).initiator
    bandwidths = [link for link in to_it if link.kind == "bandwidth" and link.value]
    return max(bandwidths, key=lambda link: link.weight).initiator if bandwidths else None


def _emit_distances(numa: Numa) -> Iterator[Option]:
    """All of them, where one is not as it would be anyway."""
    rows = distances_of(numa)
    if not any(value not in (LOCAL, REMOTE) for row in rows.values() for value in row.values()):
        return
    for cell in numa.cells:
        for other in numa.cells:
            given = rows.get(cell.number, {}).get(other.number, 0)
            value = given or (LOCAL if cell is other else REMOTE)
            pairs = (
                Property("src", cell.number, cell.place("distances")),
                Property("dst", other.number, cell.place("distances")),
                Property("val", value, cell.place("distances")),
            )
            yield Keyval("-numa", "dist", pairs, cell.place("distances"))


def distances_of(numa: Numa) -> dict[int, dict[int, int]]:
    """The distances that are given, from each cell to each; 0 is one that was left out.

    What one cell says of another is true the other way too, unless that says otherwise (libvirt,
    ``virDomainNumaDefNodeDistanceParseXML``).  A cell of which nothing is said has no row.
    """
    rows: dict[int, dict[int, int]] = {}

    def row(own: int) -> dict[int, int]:
        return rows.setdefault(own, {other.number: LOCAL if other.number == own else 0 for other in numa.cells})

    for cell in numa.cells:
        for sibling in cell.distances.siblings if cell.distances is not None else ():
            if sibling.id >= len(numa.cells):
                continue
            row(cell.number)[sibling.id] = sibling.value
            back = row(sibling.id)
            back[cell.number] = back[cell.number] or sibling.value
    return rows


def _link(link: Interconnect) -> Keyval:
    pairs = (
        Property("initiator", link.initiator, link.place("initiator")),
        Property("target", link.target, link.place("target")),
        Property("hierarchy", _HIERARCHY[min(link.cache, 3)], link.place("cache")),
        Property("data-type", f"{link.type}-{link.kind}", link.place("type")),
        Property(link.kind, Text(link.amount), link.place("value")),
    )
    return Keyval("-numa", "hmat-lb", pairs, link.place())


def _emit_caches(cell: Cell) -> Iterator[Option]:
    for cache in cell.caches:
        pairs = [
            Property("node-id", cell.number, cell.place("id")),
            Property("size", Text(f"{cache.size}K"), cache.place("size")),
            Property("level", cache.level, cache.place("level")),
            Property("associativity", _ASSOCIATIVITY[cache.associativity], cache.place("associativity")),
            Property("policy", _POLICY[cache.policy], cache.place("policy")),
        ]
        if cache.line:
            pairs.append(Property("line", cache.line, cache.place("line")))
        yield Keyval("-numa", "hmat-cache", tuple(pairs), cache.place())
