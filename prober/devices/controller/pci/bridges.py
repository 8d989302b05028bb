"""Bridges to conventional PCI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline.options import Property
from prober.commandline.refusal import Broken
from prober.devices.controller.pci.base import PciBridge
from prober.domain.shared.address import Spot
from prober.domain.shared.slots import Plug
from prober.host.target import Target
from prober.xml.binding import At, Becomes
from prober.xml.values import Byte, Kibibytes


class ConventionalBridge(PciBridge):
    """``pci-bridge``: 31 more conventional slots."""

    driver = "pci-bridge"
    sits_as = Plug.PCI_BRIDGE

    model: Annotated[Literal["pci-bridge"], At("@model"), Becomes("`-device pci-bridge`")] = "pci-bridge"
    model_name: Annotated[Literal["pci-bridge"] | None, At("model/@name"), Becomes("the device")] = None
    chassis_nr: Annotated[Byte | None, At("target/@chassisNr"), Becomes("`chassis_nr`")] = None
    memory_reserve: Annotated[Kibibytes | None, At("target/@memReserve"), Becomes("`mem-reserve`")] = None

    def before_id(self) -> tuple[Property, ...]:
        """The number that guests know it by, and the memory that firmware keeps free behind it."""
        number = self.number if self.chassis_nr is None else self.chassis_nr
        return Property("chassis_nr", number, self.place("chassis_nr")), *self.reservation(self.memory_reserve)

    def rules(self) -> Iterator[Broken]:
        """QEMU takes chassis numbers from 1 on."""
        yield from super().rules()
        if self.chassis_nr == 0:
            yield Broken("chassis_nr", "chassisNr starts at 1")


class DmiToPciBridge(PciBridge):
    """``dmi-to-pci-bridge``: conventional PCI on q35, the old way; not for hot-plug."""

    driver = "i82801b11-bridge"
    sits_as = Plug.DMI_TO_PCI_BRIDGE

    model: Annotated[Literal["dmi-to-pci-bridge"], At("@model"), Becomes("`-device i82801b11-bridge`")] = (
        "dmi-to-pci-bridge"
    )
    model_name: Annotated[Literal["i82801b11-bridge"] | None, At("model/@name"), Becomes("the device")] = None

    def chipset_spots(self, number: int, target: Target) -> tuple[Spot, ...]:
        """Where real Q35 hardware has its bridge to conventional PCI."""
        return target.family.chipset.bridge_spots if self.address is None else ()


class PcieToPciBridge(PciBridge):
    """``pcie-to-pci-bridge``: conventional PCI on q35 since QEMU 2.11."""

    driver = "pcie-pci-bridge"
    sits_as = Plug.PCIE_TO_PCI_BRIDGE

    model: Annotated[Literal["pcie-to-pci-bridge"], At("@model"), Becomes("`-device pcie-pci-bridge`")] = (
        "pcie-to-pci-bridge"
    )
    model_name: Annotated[Literal["pcie-pci-bridge"] | None, At("model/@name"), Becomes("the device")] = None
