"""Modules of memory: the slots that they take, and their backends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from prober.commandline.refusal import Refusal
from prober.devices.memory import MemoryModule, SgxEpc, SlotModule, VirtioMem
from prober.domain.domain import Domain
from prober.domain.numatune import refuse_nodes
from prober.domain.shared.address import DimmAddress
from prober.domain.shared.device import Device
from prober.guest.memory.backend import build_backend
from prober.guest.memory.pages import is_taken_at_once, pages_of
from prober.host.target import Target


def place_modules(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """Give each module its slot, the lowest that is free (libvirt 11.3, ``qemuDomainAssignMemorySlots``)."""
    modules = list(domain.devices.of(MemoryModule))
    refusals += _refuse_nodes(domain, modules, target)
    refusals += _refuse_conflicts(modules)
    in_slots = [module for module in modules if isinstance(module, SlotModule)]
    taken = {module.address.slot for module in in_slots if module.address is not None}
    most = domain.max_memory.slots if domain.max_memory is not None else 0
    for module in in_slots:
        if module.address is not None and (module.address.slot is None or module.address.slot >= most):
            message = f"<maxMemory> has {most} slots, counted from 0, and slot {module.address.slot} is none of them"
            refusals.append(Refusal(place=module.address.place("slot"), message=message))
    devices: list[Device] = []
    counts: Counter[type[Device]] = Counter()
    section = 0
    for device in domain.devices.every:
        if isinstance(device, SlotModule) and device.address is None:
            slot = next(number for number in range(len(modules) + len(taken) + 1) if number not in taken)
            taken.add(slot)
            device = device.replace(address=DimmAddress(slot=slot, places=device.places))
        elif isinstance(device, SgxEpc):
            device = device.replace(section=section)
            section += 1
        if isinstance(device, MemoryModule) and device.own_name is None:
            device = device.replace(number=counts[type(device)])
            counts[type(device)] += 1
        devices.append(device)
    return domain.with_devices(devices)


def _refuse_nodes(domain: Domain, modules: list[MemoryModule], target: Target) -> Iterator[Refusal]:
    """Each belongs to a NUMA node of the guest (libvirt, ``virDomainMemoryDefValidate``)."""
    count = len(domain.numa.cells) if domain.numa is not None else 0
    for module in modules:
        if module.node is not None and module.node >= count:
            message = f"the guest has no NUMA node {module.node} for this memory"
            yield Refusal(place=module.place("node"), message=message)
        elif module.node is None and module.has_node and count:
            message = "a module of memory belongs to a NUMA node of the guest"
            yield Refusal(place=module.place(), message=message, hint="add <target><node>")
        wanted = module.wanted()
        if wanted.nodes is not None:
            yield from refuse_nodes(wanted.nodes, wanted.nodes_place or wanted.place, target)


def _refuse_conflicts(modules: list[MemoryModule]) -> Iterator[Refusal]:
    """Two in one slot, or at one place in the guest's memory (libvirt, ``virDomainMemoryDefCheckConflict``)."""
    for one, other in combinations(modules, 2):
        slot = _slot(one)
        if slot is not None and slot == _slot(other):
            message = f"two modules of memory are in slot {slot}, the first in line {one.place().line}"
            yield Refusal(place=other.place("address"), message=message)
        first, second = one.range(), other.range()
        if first is not None and second is not None and first[0] < second[1] and second[0] < first[1]:
            message = f"the memory overlaps with that of line {one.place().line}, from {first[0]:#x} to {first[1]:#x}"
            yield Refusal(place=other.place(), message=message)


def _slot(module: MemoryModule) -> int | None:
    return module.address.slot if isinstance(module, SlotModule) and module.address is not None else None


def back_modules(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """Give each module its backend, once its name is known."""
    devices: list[Device] = []
    for device in domain.devices.every:
        if isinstance(device, MemoryModule):
            wanted = device.wanted()
            device = device.replace(backend=build_backend(domain, target, wanted))
            if isinstance(device, VirtioMem) and target.caps.has("virtio-mem-pci.prealloc"):
                device = device.replace(prealloc=is_taken_at_once(domain, wanted, pages_of(domain, target, wanted)))
        devices.append(device)
    return domain.with_devices(devices)
