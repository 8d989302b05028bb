"""The backends of a guest's memory: ``-object memory-backend-…`` (libvirt 11.3, ``qemuBuildMemoryBackendProps``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from prober.commandline.options import Object, Property
from prober.commandline.refusal import Place
from prober.domain.domain import Domain
from prober.domain.numatune import Numatune
from prober.domain.shared.memory import Wanted
from prober.guest.memory.old_style import prealloc_option
from prober.guest.memory.pages import Pages, file_path, huge_path, is_taken_at_once, pages_of
from prober.host.target import Target

#: How QEMU calls the modes of ``<numatune>``; ``restrictive`` is left to the host (``qemuNumaPolicyTypeToString``).
_POLICIES = {"strict": "bind", "preferred": "preferred", "interleave": "interleave"}


class _Kind(NamedTuple):
    """A type of backend, and what is said for the type alone."""

    qom_type: str
    properties: tuple[Property, ...]


def build_backend(domain: Domain, target: Target, wanted: Wanted) -> tuple[Object, ...]:
    """The backend for a piece of memory, and before it the threads that fill it."""
    pages = pages_of(domain, target, wanted)
    access = access_of(domain, wanted)
    kind = _kind(domain, target, wanted, pages, access)
    properties = [*kind.properties, *_canonical_path(target, wanted, kind)]
    properties += _reservation(domain, target, wanted, pages)
    properties.append(Property("size", wanted.kibibytes * 1024, wanted.place))
    properties += wanted.extra
    nodes, place = _nodes(domain.numatune, target, wanted)
    # A module that names its nodes keeps to them, whatever <numatune> says (libvirt 12.8, asked; 11.3 took its mode).
    mode = "strict" if wanted.nodes is not None else domain.numatune.mode(wanted.cell)
    if nodes is not None and mode in _POLICIES:
        properties.append(Property("host-nodes", list(nodes), place))
        properties.append(Property("policy", _POLICIES[mode], place))
    context = _thread_context(domain, target, wanted, nodes, place, properties)
    if context is not None:
        properties.append(Property("prealloc-context", context.id, place))
    backend = Object(kind.qom_type, wanted.id, tuple(properties), wanted.place)
    return (backend,) if context is None else (context, backend)


def needs_backend(domain: Domain, target: Target, wanted: Wanted) -> bool:
    """Whether plain memory would not do for this piece."""
    return (
        pages_of(domain, target, wanted).are_needed
        or domain.numatune.node(wanted.cell) is not None
        or access_of(domain, wanted) is not None
        or domain.memory_backing.source in ("file", "memfd")
    )


def access_of(domain: Domain, wanted: Wanted) -> str | None:
    """Whether others share it: as it says itself, or its NUMA node does, or the whole guest."""
    cell = domain.cell(wanted.cell)
    return wanted.access or (cell.access if cell is not None else None) or domain.memory_backing.access


def _discard(domain: Domain, wanted: Wanted) -> Property | None:
    """Whether what is in the file is thrown away when QEMU ends."""
    backing, cell = domain.memory_backing, domain.cell(wanted.cell)
    if wanted.discard is not None:
        return Property("discard-data", wanted.discard, wanted.place)
    if cell is not None and cell.discard is not None:
        return Property("discard-data", cell.discard, cell.place("discard"))
    return Property("discard-data", True, backing.place("discard")) if backing.discard else None


def _kind(domain: Domain, target: Target, wanted: Wanted, pages: Pages, access: str | None) -> _Kind:
    backing = domain.memory_backing
    properties: list[Property] = []
    if wanted.is_enclave:
        return _Kind("memory-backend-epc", ())
    share = () if access is None else (Property("share", access == "shared", _access_place(domain, wanted)),)
    if wanted.path is None and backing.source == "memfd":
        if pages.are_huge:
            place = backing.place("hugepages")
            properties += [Property("hugetlb", True, place), Property("hugetlbsize", pages.size * 1024, place)]
        return _Kind("memory-backend-memfd", (*properties, *share))
    if wanted.path is not None:
        properties.append(Property("mem-path", wanted.path, wanted.path_place or wanted.place))
    elif pages.are_huge:
        # Without a mount the domain is refused, and nothing of this is written.
        path = huge_path(domain.name, target, pages.size, wanted.id) or "/"
        properties.append(Property("mem-path", path, backing.place("hugepages")))
    elif access is not None or backing.source == "file":
        path = file_path(domain.name, target, wanted.file, wanted.id)
        properties.append(Property("mem-path", path, backing.place("source")))
    else:
        return _Kind("memory-backend-ram", ())
    discard = _discard(domain, wanted)
    if wanted.path is None and discard is not None:
        properties.append(discard)
    return _Kind("memory-backend-file", (*properties, *share))


def _access_place(domain: Domain, wanted: Wanted) -> Place:
    cell = domain.cell(wanted.cell)
    if wanted.access is not None:
        return wanted.place
    return cell.place("access") if cell is not None and cell.access else domain.memory_backing.place("access")


def _canonical_path(target: Target, wanted: Wanted, kind: _Kind) -> Iterator[Property]:
    """The machine's own memory keeps the name that it had before it had a backend (QEMU, ``create_default_memdev``)."""
    name = "x-use-canonical-path-for-ramblock-id"
    if wanted.is_system and kind.qom_type != "memory-backend-ram" and target.caps.has(f"memory-backend-file.{name}"):
        yield Property(name, False, target.place)


def _reservation(domain: Domain, target: Target, wanted: Wanted, pages: Pages) -> Iterator[Property]:
    """Whether memory is taken at once, and with how many threads; ``-mem-prealloc`` says it for all."""
    is_global = prealloc_option(domain, target)
    backing = domain.memory_backing
    if wanted.is_lazy:
        if is_global and not target.caps.has("virtio-mem-pci.prealloc"):
            yield Property("prealloc", False, wanted.place)
        if target.caps.has("memory-backend-file.reserve"):
            yield Property("reserve", False, wanted.place)
    elif not is_global:
        if wanted.is_enclave or is_taken_at_once(backing, wanted, pages):
            place = backing.place("allocation" if backing.allocation else "hugepages")
            yield Property("prealloc", True, wanted.place if wanted.path or wanted.is_enclave else place)
        if backing.threads:
            yield Property("prealloc-threads", backing.threads, backing.place("threads"))


def _nodes(tune: Numatune, target: Target, wanted: Wanted) -> tuple[tuple[int, ...] | None, Place]:
    """The host's NUMA nodes that it shall come from, and who says so."""
    if wanted.nodes is not None:
        return wanted.nodes, wanted.nodes_place or wanted.place
    return tune.nodes(wanted.cell, target.host), tune.place_of(wanted.cell)


def _thread_context(
    domain: Domain,
    target: Target,
    wanted: Wanted,
    nodes: tuple[int, ...] | None,
    place: Place,
    properties: list[Property],
) -> Object | None:
    """Threads that fill memory from the nodes that it is on (QEMU 7.2; libvirt, ``qemuBuildThreadContextProps``)."""
    prealloc = any(item.name == "prealloc" and item.value is True for item in properties)
    if nodes is None or not prealloc or not target.caps.has("thread-context"):
        return None
    near = _emulator_nodes(domain, target)
    if near is not None:
        nodes = tuple(node for node in nodes if node in near)
        if not nodes:
            return None
    affinity = Property("node-affinity", list(nodes), place)
    return Object("thread-context", f"tc-{wanted.id}", (affinity,), wanted.place)


def _emulator_nodes(domain: Domain, target: Target) -> set[int] | None:
    """The host's NUMA nodes that QEMU's own threads run on, where they are kept to some and it is known which."""
    host, tune, memory = target.host, domain.cpu_tune, domain.numatune.memory
    cpus = domain.vcpu.cpuset
    if tune is not None and tune.emulator_pin is not None:
        cpus = tune.emulator_pin.cpuset
    elif domain.vcpu.placement == "auto" or (cpus is None and memory is not None and memory.placement == "auto"):
        # libvirt 11.3 takes numad's nodes for CPUs here.
        cpus = host.numad_nodes
    if cpus is None or host.numa_nodes is None:
        return None
    return {node for node, own in host.numa_nodes if set(own) & set(cpus)}
