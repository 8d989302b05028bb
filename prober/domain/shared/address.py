"""``<address>``: where a device is plugged in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Protocol, TypeAlias

from prober.commandline.options import Value
from prober.commandline.refusal import Broken
from prober.xml.binding import At, Becomes, Checked, Element
from prober.xml.values import (
    Byte,
    Count,
    HexAmount,
    Index,
    IoPort,
    IrqLine,
    OnOff,
    PciDomain,
    PciFunction,
    PciSlot,
    UsbPort,
)

#: A place on a PCI bus: bus, slot, function.
Spot: TypeAlias = tuple[int, int, int]


class Plugged(Protocol):
    """What an address asks of the controller that it leads to."""

    @property
    def id(self) -> str:
        """The controller's alias."""

    def unit_properties(self, address: DriveAddress) -> Iterator[tuple[str, Value]]:
        """What a disk with this address says, plugged into it."""


class Address(Element):
    """An address of any kind; ``type`` tells which."""

    tag = "type"

    @property
    def controller_key(self) -> tuple[str, int] | None:
        """The type and index of the controller that it leads to, where the address tells that."""
        return None

    def properties_on(self, controller: Plugged | None) -> Iterator[tuple[str, Value]]:
        """Properties and values of a device with this address on this controller (the PCI ones: on the device)."""
        return iter(())


def _bus_of(controller: Plugged | None, number: int) -> str:
    """The name of a bus that a controller makes.  Without one the domain is refused; what there is is checked."""
    return f"{controller.id if controller is not None else 'none'}.{number}"


class PciAddress(Address, Checked):
    """A place on a PCI bus: ``bus`` is the index of the controller that makes the bus."""

    tag = ""
    type: Annotated[Literal["pci"], At("@type", required=True), Becomes("`bus` and `addr`")] = "pci"
    domain: Annotated[PciDomain, At("@domain"), Becomes("nothing: it is 0")] = 0
    bus: Annotated[Byte, At("@bus"), Becomes("`bus`")] = 0
    slot: Annotated[PciSlot, At("@slot"), Becomes("`addr`")] = 0
    function: Annotated[PciFunction, At("@function"), Becomes("`addr`")] = 0
    multifunction: Annotated[OnOff | None, At("@multifunction"), Becomes("`multifunction`")] = None

    def rules(self) -> Iterator[Broken]:
        """x86 machines have one PCI domain."""
        if self.domain != 0:
            yield Broken("domain", f"there is only PCI domain 0, not {self.domain}")

    @property
    def controller_key(self) -> tuple[str, int]:
        """The PCI controller that makes the bus."""
        return "pci", self.bus

    @property
    def is_wanted(self) -> bool:
        """An address without bus and slot asks for one to be assigned, whatever its function
        (libvirt, ``virDeviceInfoPCIAddressIsWanted``)."""
        return (self.domain, self.bus, self.slot) == (0, 0, 0)

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Bus, slot and function."""
        return self.bus, self.slot, self.function

    def __str__(self) -> str:
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}.{self.function}"


class DriveAddress(Address):
    """A place on a disk controller."""

    tag = ""
    type: Annotated[Literal["drive"], At("@type", required=True), Becomes("where on a controller's bus it is")] = (
        "drive"
    )
    controller: Annotated[Index, At("@controller"), Becomes("`bus`")] = 0
    bus: Annotated[Count, At("@bus"), Becomes("`bus` or `channel`")] = 0
    target: Annotated[Count, At("@target"), Becomes("`scsi-id`")] = 0
    unit: Annotated[Count, At("@unit"), Becomes("`unit`, `lun` or `scsi-id`")] = 0

    def properties_on(self, controller: Plugged | None) -> Iterator[tuple[str, Value]]:
        """As the controller's class has it."""
        return controller.unit_properties(self) if controller is not None else iter(())


class UsbAddress(Address):
    """A port of a USB controller; ``port`` is dotted behind hubs (``1.2``)."""

    tag = ""
    type: Annotated[Literal["usb"], At("@type", required=True), Becomes("`bus` and `port`")] = "usb"
    bus: Annotated[Index, At("@bus"), Becomes("`bus`")] = 0
    port: Annotated[UsbPort | None, At("@port"), Becomes("`port`")] = None

    @property
    def controller_key(self) -> tuple[str, int]:
        """The USB controller that makes the bus."""
        return "usb", self.bus

    def properties_on(self, controller: Plugged | None) -> Iterator[tuple[str, Value]]:
        """The bus, and the port."""
        yield "bus", _bus_of(controller, 0)
        if self.port is not None:
            yield "port", self.port


class VirtioSerialAddress(Address):
    """A port of a virtio-serial controller."""

    tag = ""
    type: Annotated[Literal["virtio-serial"], At("@type", required=True), Becomes("`bus` and `nr`")] = "virtio-serial"
    controller: Annotated[Index, At("@controller"), Becomes("`bus`")] = 0
    bus: Annotated[Index, At("@bus"), Becomes("`bus`")] = 0
    port: Annotated[Count | None, At("@port"), Becomes("`nr`")] = None

    @property
    def controller_key(self) -> tuple[str, int]:
        """The virtio-serial controller."""
        return "virtio-serial", self.controller

    def properties_on(self, controller: Plugged | None) -> Iterator[tuple[str, Value]]:
        """The bus, and the number of the port."""
        yield "bus", _bus_of(controller, self.bus)
        if self.port is not None:
            yield "nr", self.port


class CcidAddress(Address):
    """A slot of a smartcard reader."""

    tag = ""
    type: Annotated[Literal["ccid"], At("@type", required=True), Becomes("`bus`")] = "ccid"
    controller: Annotated[Index, At("@controller"), Becomes("`bus`")] = 0
    slot: Annotated[Count | None, At("@slot"), Becomes("`bus`: a reader has one slot")] = None

    @property
    def controller_key(self) -> tuple[str, int]:
        """The smartcard reader."""
        return "ccid", self.controller

    def properties_on(self, controller: Plugged | None) -> Iterator[tuple[str, Value]]:
        """The reader (libvirt, ``qemuBuildSmartcardCommandLine``)."""
        yield "bus", _bus_of(controller, 0)


class IsaAddress(Address):
    """An I/O port and an interrupt line."""

    tag = ""
    type: Annotated[Literal["isa"], At("@type", required=True), Becomes("`iobase` and `irq`")] = "isa"
    iobase: Annotated[IoPort | None, At("@iobase"), Becomes("`iobase`")] = None
    irq: Annotated[IrqLine | None, At("@irq"), Becomes("`irq`")] = None

    def properties_on(self, controller: Plugged | None) -> Iterator[tuple[str, Value]]:
        """Port, and line where there is one."""
        yield "iobase", self.iobase or 0
        if self.irq:
            yield "irq", self.irq


class DimmAddress(Address):
    """A slot for a module of memory, and where in the guest's memory it begins."""

    tag = ""
    type: Annotated[Literal["dimm"], At("@type", required=True), Becomes("`slot` and `addr`")] = "dimm"
    slot: Annotated[Count | None, At("@slot", required=True), Becomes("`slot`")] = None
    base: Annotated[HexAmount | None, At("@base"), Becomes("`addr`")] = None

    def properties_on(self, controller: Plugged | None) -> Iterator[tuple[str, Value]]:
        """Slot, and where it begins if that is given."""
        yield "slot", self.slot or 0
        if self.base:
            yield "addr", self.base


class VirtioMmioAddress(Address):
    """One of the machine's own transports of virtio, which takes the first that is free: no PCI device."""

    tag = ""
    type: Annotated[
        Literal["virtio-mmio"], At("@type", required=True), Becomes("the device: `virtio-blk-device`, not `-pci`")
    ] = "virtio-mmio"


class UnassignedAddress(Address):
    """A host device that is prepared for the guest, and not plugged in."""

    tag = ""
    type: Annotated[Literal["unassigned"], At("@type", required=True), Becomes("nothing: no device is plugged in")] = (
        "unassigned"
    )


Address.choices = {
    "pci": PciAddress,
    "drive": DriveAddress,
    "usb": UsbAddress,
    "virtio-serial": VirtioSerialAddress,
    "ccid": CcidAddress,
    "isa": IsaAddress,
    "dimm": DimmAddress,
    "virtio-mmio": VirtioMmioAddress,
    "unassigned": UnassignedAddress,
}
