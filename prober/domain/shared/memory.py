"""What all memory has in common: a size with its unit, and what a piece of it asks of its backend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from prober.commandline.options import Property
from prober.commandline.refusal import Broken, Place
from prober.xml.binding import At, Becomes, Checked
from prober.xml.values import UNITS, Amount, Unit

#: The most that a size in bytes may be: QEMU's sizes are signed 64-bit numbers.
MOST = 2**63 - 1


def in_kibibytes(value: int, unit: str) -> int:
    """An amount in KiB, rounded up as libvirt does (``virDomainParseMemory``)."""
    return -(-value * UNITS[unit] // 1024)


def round_up(number: int, step: int) -> int:
    """The next multiple of ``step``."""
    return -(-number // step) * step


class MemorySize(Checked):
    """An amount of memory with its unit."""

    value: Annotated[Amount, At("."), Becomes("the size")]
    unit: Annotated[Unit, At("@unit"), Becomes("what the size is counted in")] = "KiB"

    @property
    def kibibytes(self) -> int:
        """The amount in KiB."""
        return in_kibibytes(self.value, self.unit)

    def rules(self) -> Iterator[Broken]:
        """An amount that is more than a machine can address."""
        if self.value * UNITS[self.unit] > MOST:
            yield Broken("value", f"'{self.value}' {self.unit} is more than QEMU can count (8 EiB)")


@dataclass(slots=True, kw_only=True)  # Not frozen, which takes twice as long; nothing changes one all the same.
class Wanted:
    """What one piece of memory asks of its backend, as its own element says (libvirt, ``virDomainMemoryDef``).

    ``id`` is the backend's.  ``file`` is what its file is called, where it has one.  ``cell`` is the guest's NUMA node
    that it belongs to.  ``page_size`` is in KiB, and ``nodes`` are the host's, where the piece itself names them.
    ``path`` is the file that the piece itself brings along.
    """

    id: str
    file: str
    kibibytes: int
    place: Place
    cell: int | None = None
    access: str | None = None
    discard: bool | None = None
    page_size: int = 0
    nodes: tuple[int, ...] | None = None
    nodes_place: Place | None = None
    path: str | None = None
    path_place: Place | None = None
    #: Whether it is the machine's own memory, which machines before 5.0 knew by another name.
    is_system: bool = False
    #: Whether QEMU takes the memory as the guest asks for it, and reserves none (virtio-mem).
    is_lazy: bool = False
    #: Whether it lies in an enclave (SGX): another type of backend.
    is_enclave: bool = False
    #: Whether its own file is written through at once, and so filled before (an NVDIMM that is no real one).
    fills_file: bool = False
    #: What the backend is told beside.
    extra: tuple[Property, ...] = ()
