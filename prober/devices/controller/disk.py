"""``<controller type='ide'>``, ``'sata'`` and ``'fdc'``: what disks plug into, and all machines have of old."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Value
from prober.commandline.refusal import Broken
from prober.devices.controller.base import Controller
from prober.domain.shared.address import DriveAddress, PciAddress, Spot
from prober.domain.shared.slots import Kinds, Plug
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral


class IdeController(Controller):
    """pc has one, with two buses of two disks; no other can be added."""

    tag = ""
    controller_type = "ide"
    emit_turn = 30
    fills_gaps = True

    type: Annotated[Literal["ide"], At("@type"), Becomes("nothing: it is part of the machine")] = "ide"
    model: Annotated[
        Literal["piix3", "piix4", "ich6"] | None, At("@model"), Neutral("the machine has the one that it has")
    ] = None
    address: Annotated[PciAddress | None, At("address"), Neutral("its place is part of the machine")] = None

    def name_for(self, number: int, target: Target) -> str:
        """QEMU's own name for the PIIX3's."""
        return "ide" if self.number == 0 else f"ide{self.number}"

    def plug(self, target: Target) -> Kinds | None:
        """Function 1 of the PIIX3."""
        return Plug.pci()

    def fixed_address(self, target: Target) -> Spot | None:
        """Function 1 of the PIIX3."""
        return target.family.chipset.ide if self.number == 0 else None

    def is_builtin(self, target: Target) -> bool:
        """Always: there is no other."""
        return True

    def unit_properties(self, address: DriveAddress) -> Iterator[tuple[str, Value]]:
        """Two buses, two units on each; QEMU names them after its own controller, whatever the XML calls it."""
        yield "bus", f"ide.{address.bus}"
        yield "unit", address.unit

    def machine_rules(self, target: Target) -> Iterator[Broken]:
        """One on pc, none elsewhere."""
        if target.family.chipset.sata is not None:
            yield Broken("", f"machine {target.machine} has no IDE; its disks are on SATA or virtio")
        elif target.family.chipset.ide is None:
            yield Broken("", f"libvirt knows no IDE on machine {target.machine}")
        elif self.number > 0:
            yield Broken("index", "the machine has one IDE controller, with index 0 and four disks")


class SataController(Controller):
    """q35 has the first one built in; others are AHCI devices."""

    tag = ""
    controller_type = "sata"
    emit_turn = 40
    fills_gaps = True

    type: Annotated[Literal["sata"], At("@type"), Becomes("`-device ahci`")] = "sata"
    address: Annotated[PciAddress | None, At("address"), Becomes("`bus` and `addr`")] = None
    #: Whether it is the machine's own; filled in by completing.
    own: bool = False

    def name_for(self, number: int, target: Target) -> str:
        """QEMU calls the ICH9's own ``ide``."""
        return "ide" if self.is_builtin(target) else f"sata{self.number}"

    def with_default_model(self, target: Target) -> Controller:
        """Knowing whether the machine brings it along."""
        own = self.is_builtin(target)
        return self if own == self.own else self.replace(own=own)

    def plug(self, target: Target) -> Kinds | None:
        """A conventional device."""
        return Plug.pci()

    def fixed_address(self, target: Target) -> Spot | None:
        """Function 2 of the ICH9."""
        return target.family.chipset.sata if self.number == 0 else None

    def is_builtin(self, target: Target) -> bool:
        """The first one of q35."""
        return target.family.chipset.sata is not None and self.number == 0

    def unit_properties(self, address: DriveAddress) -> Iterator[tuple[str, Value]]:
        """Each port is a bus of its own, with one unit."""
        yield "bus", f"{'ide' if self.own else self.id}.{address.unit}"

    def emit(self, target: Target) -> Iterator[options.Option]:
        """An AHCI device, unless the machine has it already."""
        if not self.is_builtin(target):
            yield options.DeviceOption("ahci", (self.identity(), *self.pci_properties(target)), self.place())


class FdcController(Controller):
    """The floppy controller: pc has it built in, q35 gets one with the first drive
    (``emit_floppy_controllers``)."""

    tag = ""
    controller_type = "fdc"
    fills_gaps = True

    type: Annotated[Literal["fdc"], At("@type"), Becomes("`-device isa-fdc` on q35, if there is a drive")] = "fdc"

    def is_builtin(self, target: Target) -> bool:
        """Whatever there is to write, is written with the drives."""
        return True

    def unit_properties(self, address: DriveAddress) -> Iterator[tuple[str, Value]]:
        """There is one bus of floppies."""
        yield "unit", address.unit

    def rules(self) -> Iterator[Broken]:
        """There is one."""
        if self.index:
            yield Broken("index", "the machine has one floppy controller, with index 0")
