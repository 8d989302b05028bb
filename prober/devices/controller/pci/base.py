"""What all PCI controllers share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from prober.commandline import options
from prober.commandline.options import Property
from prober.commandline.refusal import Broken
from prober.devices.controller.base import Controller
from prober.domain.shared.address import PciAddress
from prober.domain.shared.slots import Kinds
from prober.host.target import Target
from prober.xml.binding import At, Becomes


class PciController(Controller):
    """One bus; ``model`` says what makes it."""

    tag = "model"
    controller_type = "pci"

    type: Annotated[Literal["pci"], At("@type"), Becomes("the device")] = "pci"
    model: Annotated[str, At("@model"), Becomes("the device")]

    def name_for(self, number: int, target: Target) -> str:
        """``pci.N``: the name of the bus is the id of its controller."""
        return f"pci.{self.number}"


class PciBridge(PciController):
    """A bus that is a device on another bus."""

    tag = ""

    #: QEMU's device.
    driver: ClassVar[str]
    #: What it is to the bus above it.
    sits_as: ClassVar[Kinds]

    address: Annotated[PciAddress | None, At("address"), Becomes("`bus` and `addr`")] = None

    def rules(self) -> Iterator[Broken]:
        """Index 0 belongs to the machine's own bus, and to nothing else."""
        if self.index == 0:
            yield Broken("index", f"index 0 is the machine's own PCI bus, not a {self.model}")

    def plug(self, target: Target) -> Kinds | None:
        """By its model."""
        return self.sits_as

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``."""
        properties = (*self.before_id(), self.identity(), *self.after_id(), *self.pci_properties(target))
        yield options.DeviceOption(self.driver_on(target), properties, self.place("model"))

    def driver_on(self, target: Target) -> str:
        """QEMU's device, of those that the binary has."""
        return self.driver

    def before_id(self) -> tuple[Property, ...]:
        """Its own properties that libvirt writes before the id."""
        return ()

    def after_id(self) -> tuple[Property, ...]:
        """Its own properties that libvirt writes after the id."""
        return ()

    def reservation(self, kibibytes: int | None) -> tuple[Property, ...]:
        """``mem-reserve``: the memory that firmware keeps free behind it, where it says how much."""
        if kibibytes is None:
            return ()
        return (Property("mem-reserve", kibibytes * 1024, self.place("memory_reserve")),)

    def machine_rules(self, target: Target) -> Iterator[Broken]:
        """A controller sits on a bus of lower index, or there would be no end."""
        if self.address is not None and self.index is not None and self.address.bus >= self.index:
            yield Broken(
                "address",
                f"a PCI controller must sit on a bus of lower index: {self.address.bus} is not below {self.index}",
            )
