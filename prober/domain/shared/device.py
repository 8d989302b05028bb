"""The base of all devices: what aliases, addresses and the rest of the pipeline need to know of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from prober.commandline.options import Option, Property
from prober.domain.binding import At, Becomes, Checked
from prober.domain.shared.address import Address, PciAddress
from prober.domain.slots import Kinds
from prober.domain.values import DeviceName, PositiveCount

if TYPE_CHECKING:
    from prober.domain.target import Target


class Device(Checked):
    """One device element.

    ``alias`` (libvirt's name for it, QEMU's id) and ``address`` are filled in by completing.  A class says
    what it is by attributes, so that nothing else has to switch over device types.
    """

    #: The XML element's name.
    element: ClassVar[str]
    #: What its alias begins with; a number follows.
    alias_prefix: ClassVar[str] = ""
    #: In which turn it gets a PCI address; lower is earlier (libvirt, ``qemuDomainAssignDevicePCISlots``).
    address_turn: ClassVar[int] = 0

    #: libvirt keeps the names that begin with ``ua-``; others are its own from an earlier start.
    user_alias: Annotated[
        DeviceName | None, At("alias/@name"), Becomes("the device's `id`, if it begins with `ua-`")
    ] = None
    #: The number that the guest's firmware calls a PCI device by.
    acpi_index: Annotated[PositiveCount | None, At("acpi/@index"), Becomes("`acpi-index`")] = None

    alias: str | None = None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """A class that names its element is what ``<devices>`` reads that element as."""
        super().__pydantic_init_subclass__(**kwargs)
        if "element" in cls.__dict__:
            Device.choices = {**Device.choices, cls.element: cls}

    def name_for(self, number: int, target: Target) -> str:
        """libvirt's alias for it; ``number`` counts the devices of its class, from 0."""
        return f"{self.alias_prefix}{number}"

    def plug(self, target: Target) -> Kinds | None:
        """What kind of PCI slot it needs, or None where it is no PCI device."""
        return None

    def fixed_address(self, target: Target) -> tuple[int, int, int] | None:
        """Bus, slot and function, where the machine itself puts this device there."""
        return None

    def argv_turn(self) -> tuple[int, int]:
        """Where it stands among the devices of its class; the order of the XML where all are equal."""
        return 0, 0

    def is_builtin(self, target: Target) -> bool:
        """Whether the machine brings it along, so that it is not on the command line."""
        return False

    def emit(self, target: Target) -> Iterator[Option]:
        """Its options.  Only a completed device can be emitted."""
        raise NotImplementedError

    @property
    def id(self) -> str:
        """The alias of a completed device."""
        assert self.alias is not None, f"<{self.element}> was not completed"
        return self.alias

    def pci_properties(self, target: Target) -> Iterator[Property]:
        """``bus`` and ``addr`` (and ``multifunction``) of a completed PCI device."""
        address: Address | None = getattr(self, "address", None)
        if not isinstance(address, PciAddress):
            return
        place = self.place("address")
        bus = target.root_bus if address.bus == 0 else f"pci.{address.bus}"
        yield Property("bus", bus, place)
        if address.multifunction is not None:
            yield Property("multifunction", address.multifunction, place)
        if self.acpi_index is not None:
            yield Property("acpi-index", self.acpi_index, self.place("acpi_index"))
        function = f".{address.function:#x}" if address.function else ""
        yield Property("addr", f"{address.slot:#x}{function}", place)


class Bootable(Device):
    """A device that a guest can boot from; ``boot_dev`` is what ``<os><boot dev>`` calls its kind."""

    boot_dev: ClassVar[str]

    boot_order: Annotated[PositiveCount | None, At("boot/@order")] = None
    #: Its turn in booting, filled in by completing.
    bootindex: int | None = None

    @property
    def boot_kind(self) -> str:
        """What ``<os><boot dev>`` calls it."""
        return self.boot_dev

    def boot_properties(self) -> Iterator[Property]:
        """``bootindex``, where it has a turn."""
        if self.bootindex is not None:
            yield Property("bootindex", self.bootindex, self.place("boot_order"))
