"""``<controller type='usb'>``: the one that libvirt adds to every domain, and how to do without it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.domain.binding import At
from prober.domain.devices.controller.base import Controller
from prober.domain.shared.address import PciAddress
from prober.domain.slots import Kinds, Plug
from prober.domain.target import Target

#: QEMU's device for each model.
_DRIVERS = {
    "piix3-uhci": "piix3-usb-uhci",
    "qemu-xhci": "qemu-xhci",
    "nec-xhci": "nec-usb-xhci",
}


class UsbController(Controller):
    """``model='none'`` keeps libvirt, and prober, from adding one; without a model it is the PIIX3's."""

    tag = ""
    controller_type = "usb"
    emit_turn = 10

    type: Annotated[Literal["usb"], At("@type")] = "usb"
    model: Annotated[Literal["none", "piix3-uhci", "qemu-xhci", "nec-xhci"], At("@model")] = "piix3-uhci"
    address: Annotated[PciAddress | None, At("address")] = None

    def name_for(self, number: int, target: Target) -> str:
        """The first is called ``usb`` without a number."""
        return "usb" if self.number == 0 else f"usb{self.number}"

    def plug(self, target: Target) -> Kinds | None:
        """xHCI is Express, the others are conventional."""
        if self.model == "none":
            return None
        return Plug.pcie(target) if self.model.endswith("xhci") else Plug.pci()

    def fixed_address(self, target: Target) -> tuple[int, int, int] | None:
        """The PIIX3's own USB is function 2 of slot 1."""
        return (0, 1, 2) if target.kind == "pc" and self.number == 0 and self.model == "piix3-uhci" else None

    @property
    def ports_count(self) -> int:
        """How many ports it has (``virDomainUSBAddressControllerModelToPorts``)."""
        if self.model == "none":
            return 0
        return 4 if self.model.endswith("xhci") else 2

    def rules(self) -> Iterator[tuple[str, str]]:
        """Nothing has no address."""
        if self.model == "none" and self.address is not None:
            yield "address", "model='none' has no controller to give an address to"

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``, or nothing."""
        if self.model != "none":
            properties = (self.identity(), *self.pci_properties(target))
            yield options.Device(_DRIVERS[self.model], properties, self.place())


def default_usb(target: Target) -> UsbController | None:
    """What libvirt adds where the XML says nothing (``qemuDomainDefAddDefaultDevices``)."""
    for model in ("piix3-uhci",) if target.kind == "pc" else ("qemu-xhci", "nec-xhci"):
        if target.caps.has(_DRIVERS[model]):
            return UsbController.model_validate({"type": "usb", "model": model, "index": 0})
    return None
