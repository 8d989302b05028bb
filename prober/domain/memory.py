"""``<memory>`` and ``<currentMemory>``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from prober.commandline.options import Keyval, Object, Option, Property
from prober.domain.binding import At, Checked
from prober.domain.target import Target
from prober.domain.values import UNITS, Amount, Unit

if TYPE_CHECKING:
    from prober.domain.domain import Domain

#: The most that a size in bytes may be: QEMU's sizes are signed 64-bit numbers.
_MOST = 2**63 - 1


class Memory(Checked):
    """An amount of memory with its unit."""

    value: Annotated[Amount, At(".")]
    unit: Annotated[Unit, At("@unit")] = "KiB"

    @property
    def kibibytes(self) -> int:
        """The amount in KiB, rounded up as libvirt does (``virDomainParseMemory``)."""
        return -(-self.value * UNITS[self.unit] // 1024)

    def rules(self) -> Iterator[tuple[str, str]]:
        """An amount that is none, or more than a machine can address."""
        if self.value == 0:
            yield "value", "a machine has some memory"
        if self.value * UNITS[self.unit] > _MOST:
            yield "value", f"'{self.value}' {self.unit} is more than QEMU can count (8 EiB)"


def emit_memory(domain: Domain, target: Target) -> Iterator[Option]:
    """``-m`` and, where the machine says how its RAM is called (QEMU 5.0), the backend behind it.

    The size is rounded up to whole MiB, as libvirt does on x86 (11.3, ``qemuDomainAlignMemorySizes``).
    """
    kibibytes = -(-domain.memory.kibibytes // 1024) * 1024
    place = domain.memory.place()
    yield Keyval("-m", "", (Property("size", f"{kibibytes}k", place),), place, group="memory")
    ram = memory_backend(target)
    if ram is not None:
        size = (Property("size", kibibytes * 1024, place),)
        yield Object("memory-backend-ram", ram, size, target.place)
    if target.caps.has("-overcommit.mem-lock"):
        yield Keyval("-overcommit", "", (Property("mem-lock", False, target.place),), target.place)
    elif target.caps.has("-realtime.mlock"):
        yield Keyval("-realtime", "", (Property("mlock", False, target.place),), target.place)


def memory_backend(target: Target) -> str | None:
    """The id of the machine's RAM backend, where the binary is proven to take one."""
    if target.entry is None or target.entry.default_ram_id is None:
        return None
    facts = ("object-add.qom-type.memory-backend-ram", "memory-backend-ram.size")
    return target.entry.default_ram_id if any(map(target.caps.has, facts)) else None
