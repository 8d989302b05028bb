"""``-m`` and ``-overcommit``, and what ``-machine`` says of memory (libvirt 11.3, ``qemuBuildMemCommandLine``)."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.options import Keyval, Need, Option, Prepared, Property
from prober.devices.memory import MemoryModule
from prober.domain.domain import Domain
from prober.domain.memory import MemoryBacking
from prober.guest.memory.backend import build_backend
from prober.guest.memory.cells import wanted_for_all
from prober.guest.memory.old_style import emit_old_style
from prober.host.target import Target


def machine_memory(domain: Domain, target: Target) -> Iterator[Property]:
    """The parts of ``-machine`` (libvirt, ``qemuAppendDomainMemoryMachineParams``)."""
    dump = domain.memory.dump_core
    if dump is None:
        dump = target.settings.dump_guest_core
    yield Property("dump-guest-core", dump, domain.memory.place("dump_core"))
    if domain.memory_backing.nosharepages:
        yield Property("mem-merge", False, domain.memory_backing.place("nosharepages"))
    said: set[str] = set()
    for module in domain.devices.of(MemoryModule):
        for item in module.machine_properties():
            if item.name not in said:
                said.add(item.name)
                yield item
    wanted = wanted_for_all(domain, target)
    if wanted is not None:
        yield Property("memory-backend", wanted.id, target.place)


def emit_memory(domain: Domain, target: Target) -> Iterator[Option]:
    """The size, and the backend behind it or what stands for it before QEMU 5.0."""
    place = domain.memory.place()
    size = [Property("size", f"{domain.boot_kibibytes}k", place)]
    most = domain.max_memory
    if most is not None:
        if most.slots:
            size.append(Property("slots", most.slots, most.place("slots")))
        if most.value:
            size.append(Property("maxmem", f"{most.kibibytes}k", most.place()))
    yield Keyval("-m", "", tuple(size), place, group="memory")
    wanted = wanted_for_all(domain, target)
    if wanted is not None:
        yield from build_backend(domain, target, wanted)
    elif domain.plain_memory and domain.numa is None:
        yield from emit_old_style(domain, target)
    yield from _emit_lock(domain.memory_backing, target)


def _emit_lock(backing: MemoryBacking, target: Target) -> Iterator[Option]:
    """Whether the memory stays where it is."""
    place = backing.place("locked") if backing.locked else target.place
    need = Need("memlock", "ram", "let QEMU lock as much memory as the guest has, and some more for itself")
    value = Prepared("on", need) if backing.locked else False
    if target.caps.has("-overcommit.mem-lock"):
        yield Keyval("-overcommit", "", (Property("mem-lock", value, place),), place)
    elif target.caps.has("-realtime.mlock"):
        yield Keyval("-realtime", "", (Property("mlock", value, place),), place)
    elif backing.locked:
        yield Keyval("-overcommit", "", (Property("mem-lock", value, place),), place)
