"""``<pstore>``: a place where the guest's kernel leaves its last words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Need, Prepared, Property
from prober.commandline.refusal import Broken, Refusal
from prober.domain.domain import Domain
from prober.domain.shared.address import Address, PciAddress
from prober.domain.shared.device import Device
from prober.domain.shared.slots import Kinds, Plug
from prober.domain.shared.twins import extras
from prober.domain.steps import Completion
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Element
from prober.xml.values import UNITS, AbsolutePath, Amount, Unit

#: KiB.
_LEAST_SIZE = 4


class PstoreSize(Element):
    """``<size>``; KiB where no unit is given."""

    value: Annotated[Amount, At("."), Becomes("`size` of the object")]
    unit: Annotated[Unit, At("@unit"), Becomes("`size` of the object")] = "KiB"

    @property
    def kibibytes(self) -> int:
        """The amount in KiB, rounded up as libvirt does."""
        return -(-self.value * UNITS[self.unit] // 1024)


class Pstore(Device):
    """A file of the host, which the guest's firmware knows as ACPI's error record (ERST)."""

    element = "pstore"
    alias_prefix = "pstore"

    backend: Annotated[Literal["acpi-erst"], At("@backend"), Becomes("`acpi-erst`")]
    path: Annotated[AbsolutePath | None, At("path"), Becomes("`mem-path` of the object")] = None
    size: Annotated[PstoreSize, At("size")]
    address: Annotated[Address | None, At("address"), Becomes("`bus` and `addr`")] = None

    #: The file, which has the domain's name where none is given; filled in by completing.
    file: str = ""

    def rules(self) -> Iterator[Broken]:
        """A size that is a power of two (libvirt 11.3, ``virDomainPstoreDefValidate``)."""
        size = self.size.kibibytes
        if size < _LEAST_SIZE or size & (size - 1):
            yield Broken("size", "the size is a power of 2, and at least 4 KiB")
        if not isinstance(self.address, PciAddress | None):
            yield Broken("address", "ACPI's error record has an address of type 'pci'")

    def plug(self, target: Target) -> Kinds | None:
        """Conventional PCI."""
        return Plug.pci()

    def emit(self, target: Target) -> Iterator[options.Option]:
        """libvirt 11.3, ``qemuBuildPstoreCommandLine``."""
        memory, size = f"mem{self.id}", self.size.kibibytes * 1024
        todo = f"make this file of {size} bytes, if it is not there, and let QEMU write to it"
        own = (
            Property("mem-path", Prepared(self.file, Need("pstore", self.id, todo)), self.place("path")),
            Property("size", size, self.place("size")),
            Property("share", True, self.place()),
        )
        yield options.Object("memory-backend-file", memory, own, self.place())
        properties = (
            Property("id", self.id, self.place()),
            Property("memdev", memory, self.place()),
            *self.address_properties(target),
        )
        yield options.DeviceOption("acpi-erst", properties, self.place("backend"))


def complete_pstore(domain: Domain, target: Target) -> Completion:
    """Its file; a domain has one."""
    for first, extra in extras(domain.devices.of(Pstore)):
        message = f"a second <pstore>, the first is in line {first.place().line}"
        yield Refusal(place=extra.place(), message=message)
    default = f"{target.settings.state_directory}/nvram/{domain.name}_PSTORE.raw"
    return domain.with_each(Pstore, lambda pstore: pstore.replace(file=pstore.path or default))
