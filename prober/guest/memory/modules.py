"""Modules of memory: the slots that they take, and their backends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from operator import itemgetter

from prober.commandline.refusal import Refusal
from prober.devices.memory import MemoryModule, SgxEpc, SlotModule, VirtioMem
from prober.domain.domain import Domain
from prober.domain.features import Features
from prober.domain.numa import Numa
from prober.domain.numatune import check_nodes
from prober.domain.shared.address import DimmAddress
from prober.domain.shared.device import Device
from prober.domain.shared.twins import twins
from prober.domain.steps import Completion
from prober.guest.memory.backend import build_backend
from prober.guest.memory.pages import is_taken_at_once, pages_of
from prober.host.target import Target


def place_modules(domain: Domain, target: Target) -> Completion:
    """Give each module its slot, the lowest that is free (libvirt 11.3, ``qemuDomainAssignMemorySlots``)."""
    modules = domain.devices.of(MemoryModule)
    most = domain.max_memory.slots if domain.max_memory is not None else 0
    yield from _check_models(modules, domain.features, target)
    yield from _check_nodes(domain.numa, modules, target)
    yield from _check_conflicts(modules)
    yield from _check_slots(modules, most)
    free = _free_slots(modules)
    sections = count()
    counts: Counter[type[Device]] = Counter()
    devices: list[Device] = []
    for device in domain.devices.every:
        if isinstance(device, SlotModule) and device.address is None:
            device = device.replace(address=DimmAddress(slot=next(free), places=device.places))
        elif isinstance(device, SgxEpc):
            device = device.replace(section=next(sections))
        if isinstance(device, MemoryModule) and device.own_name is None:
            device = device.replace(number=counts[type(device)])
            counts[type(device)] += 1
        devices.append(device)
    return domain.with_devices(devices)


def _check_models(modules: Iterable[MemoryModule], features: Features, target: Target) -> Iterator[Refusal]:
    """What this machine takes; its hot-plug of memory is ACPI's (QEMU, ``hw/arm/virt.c``, ``virt_memory_pre_plug``)."""
    for module in modules if target.is_understood else ():
        if module.model not in target.family.memory_models:
            message = f"machine {target.machine} of {target.caps.target} takes no memory of model '{module.model}'"
            yield Refusal(place=module.place("model"), message=message)
        elif module.needs_slot and not target.is_x86 and not features.acpi:
            message = f"machine {target.machine} of {target.caps.target} takes modules in slots with ACPI alone"
            yield Refusal(
                place=module.place(), message=message, hint="write <acpi/> into <features>, and UEFI into <os>"
            )


def _free_slots(modules: Iterable[MemoryModule]) -> Iterator[int]:
    """The numbers of slots that no module asks for, from 0 on."""
    taken = {_slot(module) for module in modules}
    return (number for number in count() if number not in taken)


def _check_slots(modules: Iterable[MemoryModule], most: int) -> Iterator[Refusal]:
    """A module that asks for a slot gets one that there is; ``most`` says how many there are."""
    for module in modules:
        address = module.address if isinstance(module, SlotModule) else None
        if address is not None and (address.slot is None or address.slot >= most):
            message = f"<maxMemory> has {most} slots, counted from 0, and slot {address.slot} is none of them"
            yield Refusal(place=address.place("slot"), message=message)


def _check_nodes(numa: Numa | None, modules: Sequence[MemoryModule], target: Target) -> Iterator[Refusal]:
    """Each belongs to a NUMA node of the guest (libvirt, ``virDomainMemoryDefValidate``)."""
    nodes = len(numa.cells) if numa is not None else 0
    for module in modules:
        if module.node is not None and module.node >= nodes:
            message = f"the guest has no NUMA node {module.node} for this memory"
            yield Refusal(place=module.place("node"), message=message)
        elif module.node is None and module.has_node and nodes:
            message = "a module of memory belongs to a NUMA node of the guest"
            yield Refusal(place=module.place(), message=message, hint="add <target><node>")
        wanted = module.wanted()
        if wanted.nodes is not None:
            yield from check_nodes(wanted.nodes, wanted.nodes_place or wanted.place, target)


def _check_conflicts(modules: Sequence[MemoryModule]) -> Iterator[Refusal]:
    """Two in one slot, or at one place in the guest's memory (libvirt, ``virDomainMemoryDefCheckConflict``)."""
    for one, other in twins((module for module in modules if _slot(module) is not None), _slot):
        message = f"two modules of memory are in slot {_slot(one)}, the first in line {one.place().line}"
        yield Refusal(place=other.place("address"), message=message)
    # In the order of their beginnings each is held against the one that reaches the furthest: there may be thousands.
    begun = sorted((*place, turn) for turn, module in enumerate(modules) if (place := module.range()) is not None)
    furthest = begun[:1]
    for begin, end, turn in begun[1:]:
        low, high, by = furthest[0]
        if begin < high:
            (low, high, first), (_, _, second) = sorted([(low, high, by), (begin, end, turn)], key=itemgetter(2))
            line = modules[first].place().line
            message = f"the memory overlaps with that of line {line}, from {low:#x} to {high:#x}"
            yield Refusal(place=modules[second].place(), message=message)
        if end > furthest[0][1]:
            furthest = [(begin, end, turn)]


def _slot(module: MemoryModule) -> int | None:
    return module.address.slot if isinstance(module, SlotModule) and module.address is not None else None


def complete_modules(domain: Domain, target: Target) -> Completion:
    """Give each module its backend, once its name is known."""
    yield from ()
    return domain.with_each(MemoryModule, lambda module: _backed(module, domain, target))


def _backed(module: MemoryModule, domain: Domain, target: Target) -> MemoryModule:
    wanted = module.wanted()
    module = module.replace(backend=build_backend(domain, target, wanted))
    if isinstance(module, VirtioMem) and target.caps.has("virtio-mem-pci.prealloc"):
        return module.replace(
            prealloc=is_taken_at_once(domain.memory_backing, wanted, pages_of(domain, target, wanted))
        )
    return module
