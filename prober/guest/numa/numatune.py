"""Who places the guest's memory on the nodes of the host."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.refusal import Refusal
from prober.domain.domain import Domain
from prober.domain.numatune import Numatune, NumatuneMemory, check_nodes
from prober.domain.steps import Completion
from prober.host.target import Target


def complete_numatune(domain: Domain, target: Target) -> Completion:
    """Say who places the memory, and refuse what cannot be (libvirt, ``virDomainNumatuneParseXML``)."""
    tune = domain.numatune
    is_auto = domain.vcpu.placement == "auto"
    memory = tune.memory
    if memory is None and not tune.memnodes and not is_auto:
        return domain
    if memory is not None and memory.says_nothing:
        memory = None
    elif memory is None and is_auto:
        memory = NumatuneMemory(placement="auto", places=domain.vcpu.places)
    elif memory is not None and memory.placement is None:
        placement = "auto" if is_auto and memory.nodeset is None else "static"
        memory = memory.replace(placement=placement)
        if placement == "static" and memory.nodeset is None:
            yield Refusal(place=memory.place(), message="<memory> of <numatune> needs a nodeset, or placement='auto'")
    tune = tune.replace(memory=memory)
    yield from _check(domain, tune, target)
    return domain.replace(numatune=tune)


def _check(domain: Domain, tune: Numatune, target: Target) -> Iterator[Refusal]:
    auto = tune.memory is not None and tune.memory.placement == "auto"
    for node in tune.memnodes:
        if auto:
            yield Refusal(place=node.place(), message="where numad places the memory, no <memnode> can")
        elif domain.numa is None:
            yield Refusal(place=node.place(), message="<memnode> is about NUMA nodes of the guest, and it has none")
        elif domain.cell(node.cell) is None:
            message = f"the guest has no NUMA node {node.cell}"
            yield Refusal(place=node.place("cell"), message=message)
        yield from check_nodes(node.nodeset, node.place("nodeset"), target)
    if tune.memory is None:
        return
    if tune.memory.nodeset is not None and not auto:
        yield from check_nodes(tune.memory.nodeset, tune.memory.place("nodeset"), target)
    if auto and target.host.numad_nodes is None:
        yield Refusal(
            place=tune.memory.place("placement"),
            message="the memory is placed as numad advises, and no advice is there",
            hint="give <numatune> a nodeset",
        )
