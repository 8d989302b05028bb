"""How much memory there is in each part, and what it is made of (libvirt 11.3, ``virDomainDefPostParseMemory`` and
``qemuDomainAlignMemorySizes``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prober.commandline.refusal import Refusal
from prober.devices.memory import MemoryModule
from prober.domain.domain import Domain
from prober.domain.shared.memory import MOST, round_up
from prober.domain.steps import Completion
from prober.guest.memory.backend import needs_backend
from prober.guest.memory.cells import system_id, wanted_for
from prober.host.target import Target

#: libvirt rounds memory up to whole MiB on x86, in KiB, and modules of memory to two.
_STEP, _MODULE_STEP = 1024, 2048


def complete_memory(domain: Domain, target: Target) -> Completion:
    """The size of each part; the guest starts with all but what is plugged in.

    Sizes are rounded at a fresh start alone: what comes from elsewhere has those that it ran with (libvirt,
    ``qemuProcessPrepareDomain``).
    """
    step, module_step = (_STEP, _MODULE_STEP) if target.incoming is None else (1, 1)
    modules = domain.devices.of(MemoryModule)
    cells = domain.numa.cells if domain.numa is not None else ()
    plugged = sum(module.size.kibibytes for module in modules)
    total = domain.memory.kibibytes or sum(cell.kibibytes for cell in cells) + plugged
    most = domain.max_memory
    yield from _check_sizes(domain, total, plugged)
    if modules or most is not None:
        yield from _check_hotplug(domain, modules, total - plugged, plugged)
    sized = [cell.replace(memory=round_up(cell.kibibytes, step), unit="KiB") for cell in cells]
    boot = sum(cell.memory for cell in sized) or round_up(max(total - plugged, 0), step)
    if boot * 1024 > MOST:
        yield Refusal(place=domain.place("memory"), message="the guest has more memory than QEMU can count")
    if domain.numa is not None:
        domain = domain.replace(numa=domain.numa.replace(cells=tuple(sized)))
    if most is not None:
        domain = domain.replace(max_memory=most.replace(value=round_up(most.kibibytes, step), unit="KiB"))
    return domain.with_each(MemoryModule, lambda module: _rounded(module, module_step)).replace(boot_kibibytes=boot)


def _rounded(module: MemoryModule, step: int) -> MemoryModule:
    size = module.size.replace(value=round_up(module.size.kibibytes, step), unit="KiB")
    return module.replace(size=size)


def _check_sizes(domain: Domain, total: int, plugged: int) -> Iterator[Refusal]:
    place, most = domain.place("memory"), domain.max_memory
    if domain.given("memory") and domain.memory.place().line == 0:
        return  # it could not be read, and that is said already
    if plugged > total:
        yield Refusal(place=place, message="the modules of memory are more than <memory>, of which they are a part")
    elif plugged == total:
        message = "a machine starts with some memory, besides modules that are plugged in"
        yield Refusal(place=place, message=message, hint="" if domain.given("memory") else "add <memory>")
    if most is not None and most.value == 0 and most.slots:
        yield Refusal(place=most.place(), message="slots for memory need a <maxMemory> to fill them with")
    if most is not None and 0 < most.kibibytes < total:
        yield Refusal(place=most.place(), message="<maxMemory> is less than <memory>")


def _check_hotplug(domain: Domain, modules: Sequence[MemoryModule], boot: int, plugged: int) -> Iterator[Refusal]:
    """Modules need room, slots and NUMA nodes (libvirt, ``qemuDomainDefValidateMemoryHotplug``)."""
    most = domain.max_memory
    if most is None or (most.value == 0 and most.slots == 0):
        for module in modules:
            hint = "add <maxMemory slots=…>"
            yield Refusal(place=module.place(), message="without <maxMemory> no memory can be plugged in", hint=hint)
        return
    if domain.numa is None:
        message = "<maxMemory> needs the guest to have a NUMA node"
        yield Refusal(place=most.place(), message=message, hint="add <cpu><numa> with one <cell>")
    in_slots = [module for module in modules if module.needs_slot]
    if len(in_slots) > most.slots:
        message = f"there are {len(in_slots)} modules of memory, and slots for {most.slots}"
        yield Refusal(place=most.place("slots"), message=message)
    if plugged > most.kibibytes - boot:
        message = "the modules of memory are more than <maxMemory> leaves room for"
        yield Refusal(place=most.place(), message=message)


def settle_backends(domain: Domain, target: Target) -> Completion:
    """Whether the memory that the guest starts with has backends, or is plain ``-m``."""
    yield from ()
    numa = domain.numa
    if numa is None:
        return domain if system_id(target) is not None else domain.replace(plain_memory=True)
    # Before 4.1 machines do not tell, and all of them take plain memory.
    takes_plain = target.entry is None or target.entry.numa_mem_supported is not False
    if not takes_plain or numa.has_hmat:
        return domain
    needed = any(needs_backend(domain, target, wanted_for(cell)) for cell in numa.cells)
    return domain.replace(plain_memory=not needed)
