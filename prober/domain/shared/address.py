"""``<address>``: where a device is plugged in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.domain.binding import At, Checked, Element
from prober.domain.values import (
    Byte,
    Count,
    HexAmount,
    Index,
    IoPort,
    OnOff,
    PciDomain,
    PciFunction,
    PciSlot,
    UsbPort,
)


class Address(Element):
    """An address of any kind; ``type`` tells which."""

    tag = "type"


class PciAddress(Address, Checked):
    """A place on a PCI bus: ``bus`` is the index of the controller that makes the bus."""

    tag = ""
    type: Annotated[Literal["pci"], At("@type")] = "pci"
    domain: Annotated[PciDomain, At("@domain")] = 0
    bus: Annotated[Byte, At("@bus")] = 0
    slot: Annotated[PciSlot, At("@slot")] = 0
    function: Annotated[PciFunction, At("@function")] = 0
    multifunction: Annotated[OnOff | None, At("@multifunction")] = None

    def rules(self) -> Iterator[tuple[str, str]]:
        """x86 machines have one PCI domain."""
        if self.domain != 0:
            yield "domain", f"there is only PCI domain 0, not {self.domain}"

    @property
    def is_wanted(self) -> bool:
        """An address without numbers asks for one to be assigned (libvirt, ``virDeviceInfoPCIAddressIsWanted``)."""
        return (self.domain, self.bus, self.slot, self.function) == (0, 0, 0, 0)

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Bus, slot and function."""
        return self.bus, self.slot, self.function

    def __str__(self) -> str:
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}.{self.function}"


class DriveAddress(Address):
    """A place on a disk controller."""

    tag = ""
    type: Annotated[Literal["drive"], At("@type")] = "drive"
    controller: Annotated[Index, At("@controller")] = 0
    bus: Annotated[Count, At("@bus")] = 0
    target: Annotated[Count, At("@target")] = 0
    unit: Annotated[Count, At("@unit")] = 0


class UsbAddress(Address):
    """A port of a USB controller; ``port`` is dotted behind hubs (``1.2``)."""

    tag = ""
    type: Annotated[Literal["usb"], At("@type")] = "usb"
    bus: Annotated[Index, At("@bus")] = 0
    port: Annotated[UsbPort | None, At("@port")] = None


class VirtioSerialAddress(Address):
    """A port of a virtio-serial controller."""

    tag = ""
    type: Annotated[Literal["virtio-serial"], At("@type")] = "virtio-serial"
    controller: Annotated[Index, At("@controller")] = 0
    bus: Annotated[Index, At("@bus")] = 0
    port: Annotated[Count | None, At("@port")] = None


class CcidAddress(Address):
    """A slot of a smartcard reader."""

    tag = ""
    type: Annotated[Literal["ccid"], At("@type")] = "ccid"
    controller: Annotated[Index, At("@controller")] = 0
    slot: Annotated[Count | None, At("@slot")] = None


class IsaAddress(Address):
    """An I/O port and an interrupt line."""

    tag = ""
    type: Annotated[Literal["isa"], At("@type")] = "isa"
    iobase: Annotated[IoPort | None, At("@iobase")] = None
    irq: Annotated[Byte | None, At("@irq")] = None


class DimmAddress(Address):
    """A slot for a module of memory, and where in the guest's memory it begins."""

    tag = ""
    type: Annotated[Literal["dimm"], At("@type")] = "dimm"
    slot: Annotated[Count | None, At("@slot")] = None
    base: Annotated[HexAmount | None, At("@base")] = None


Address.choices = {
    "pci": PciAddress,
    "drive": DriveAddress,
    "usb": UsbAddress,
    "virtio-serial": VirtioSerialAddress,
    "ccid": CcidAddress,
    "isa": IsaAddress,
    "dimm": DimmAddress,
}
