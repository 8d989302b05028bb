"""``<controller type='ide'>`` and ``<controller type='sata'>``: what disks plug into."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.domain.binding import At
from prober.domain.devices.controller.base import Controller
from prober.domain.shared.address import PciAddress
from prober.domain.slots import Kinds, Plug
from prober.domain.target import Target


class IdeController(Controller):
    """pc has one, with two buses of two disks; no other can be added."""

    tag = ""
    controller_type = "ide"
    emit_turn = 20

    type: Annotated[Literal["ide"], At("@type")] = "ide"
    address: Annotated[PciAddress | None, At("address")] = None

    def name_for(self, number: int, target: Target) -> str:
        """QEMU's own name for the PIIX3's."""
        return "ide" if self.number == 0 else f"ide{self.number}"

    def plug(self, target: Target) -> Kinds | None:
        """Function 1 of the PIIX3."""
        return Plug.pci()

    def fixed_address(self, target: Target) -> tuple[int, int, int] | None:
        """Function 1 of the PIIX3."""
        return (0, 1, 1) if target.kind == "pc" and self.number == 0 else None

    def is_builtin(self, target: Target) -> bool:
        """Always: there is no other."""
        return True

    def machine_rules(self, target: Target) -> Iterator[tuple[str, str]]:
        """One on pc, none elsewhere."""
        if target.kind == "q35":
            yield "", f"machine {target.machine} has no IDE; its disks are on SATA or virtio"
        elif self.number > 0:
            yield "index", "the machine has one IDE controller, with index 0 and four disks"


class SataController(Controller):
    """q35 has the first one built in; others are AHCI devices."""

    tag = ""
    controller_type = "sata"
    emit_turn = 30

    type: Annotated[Literal["sata"], At("@type")] = "sata"
    address: Annotated[PciAddress | None, At("address")] = None

    def name_for(self, number: int, target: Target) -> str:
        """QEMU calls the ICH9's own ``ide``."""
        return "ide" if self.is_builtin(target) else f"sata{self.number}"

    def plug(self, target: Target) -> Kinds | None:
        """A conventional device."""
        return Plug.pci()

    def fixed_address(self, target: Target) -> tuple[int, int, int] | None:
        """Function 2 of the ICH9."""
        return (0, 0x1F, 2) if self.is_builtin(target) else None

    def is_builtin(self, target: Target) -> bool:
        """The first one of q35."""
        return target.kind == "q35" and self.number == 0

    def emit(self, target: Target) -> Iterator[options.Option]:
        """An AHCI device, unless the machine has it already."""
        if not self.is_builtin(target):
            yield options.Device("ahci", (self.identity(), *self.pci_properties(target)), self.place())
