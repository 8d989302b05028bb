"""``<controller type='pci'>``: the machine's own bus, bridges and ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from prober.commandline import options
from prober.domain.binding import At
from prober.domain.devices.controller.base import Controller
from prober.domain.shared.address import PciAddress, Spot
from prober.domain.shared.device import Turn
from prober.domain.slots import Kinds, Plug
from prober.domain.target import Target
from prober.domain.values import Byte, OnOff


class PciController(Controller):
    """One bus; ``model`` says what makes it."""

    tag = "model"
    controller_type = "pci"
    address_turn = Turn.PCI_CONTROLLER

    model: Annotated[str, At("@model")]

    def name_for(self, number: int, target: Target) -> str:
        """``pci.N``: the name of the bus is the id of its controller."""
        return f"pci.{self.number}"

    def rules(self) -> Iterator[tuple[str, str]]:
        """Index 0 belongs to the machine's own bus, and to nothing else."""
        if self.index == 0:
            yield "index", f"index 0 is the machine's own PCI bus, not a {self.model}"


class _Root(PciController):
    tag = ""

    #: The family of machines that have this root.
    machine_kind: ClassVar[str]

    def rules(self) -> Iterator[tuple[str, str]]:
        """There is one root, at index 0."""
        if self.index not in (0, None):
            yield "index", f"a {self.model} has index 0"

    def name_for(self, number: int, target: Target) -> str:
        """The name that QEMU's machine gives it."""
        return target.root_bus

    def is_builtin(self, target: Target) -> bool:
        """Part of the machine."""
        return True

    def machine_rules(self, target: Target) -> Iterator[tuple[str, str]]:
        """pc has PCI, q35 has PCI Express."""
        if target.kind in ("pc", "q35") and target.kind != self.machine_kind:
            other = "pcie-root" if target.kind == "q35" else "pci-root"
            yield "model", f"machine {target.machine} has a {other} at index 0, not a {self.model}"


class PciRoot(_Root):
    """The root bus of pc.  Its ``<target hotplug>`` is one spelling of the root hot-plug option."""

    machine_kind = "pc"

    model: Annotated[Literal["pci-root"], At("@model")] = "pci-root"
    hotplug: Annotated[OnOff | None, At("target/@hotplug")] = None


class PcieRoot(_Root):
    """The root bus of q35."""

    machine_kind = "q35"

    model: Annotated[Literal["pcie-root"], At("@model")] = "pcie-root"


class _Bridge(PciController):
    tag = ""

    #: QEMU's device.
    driver: ClassVar[str]
    #: What it is to the bus above it.
    sits_as: ClassVar[Kinds]

    address: Annotated[PciAddress | None, At("address")] = None

    def plug(self, target: Target) -> Kinds | None:
        """By its model."""
        return self.sits_as

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``."""
        properties = (*self._specific(), self.identity(), *self.properties(), *self.pci_properties(target))
        yield options.Device(self._driver(target), properties, self.place())

    def _driver(self, target: Target) -> str:
        return self.driver

    def _specific(self) -> Iterator[options.Property]:
        return iter(())

    def machine_rules(self, target: Target) -> Iterator[tuple[str, str]]:
        """A bridge sits on a bus of lower index, or there would be no end."""
        if self.address is not None and self.index is not None and self.address.bus >= self.index:
            yield (
                "address",
                f"a PCI controller must sit on a bus of lower index: {self.address.bus} is not below {self.index}",
            )


class PciBridge(_Bridge):
    """``pci-bridge``: 31 more conventional slots."""

    driver = "pci-bridge"
    sits_as = Plug.PCI_BRIDGE

    model: Annotated[Literal["pci-bridge"], At("@model")] = "pci-bridge"
    model_name: Annotated[Literal["pci-bridge"] | None, At("model/@name")] = None
    chassis_nr: Annotated[Byte | None, At("target/@chassisNr")] = None

    def _specific(self) -> Iterator[options.Property]:
        number = self.number if self.chassis_nr is None else self.chassis_nr
        yield options.Property("chassis_nr", number, self.place("chassis_nr"))

    def rules(self) -> Iterator[tuple[str, str]]:
        """QEMU takes chassis numbers from 1 on."""
        yield from super().rules()
        if self.chassis_nr == 0:
            yield "chassis_nr", "chassisNr starts at 1"


class PcieRootPort(_Bridge):
    """``pcie-root-port``: one Express slot, the usual home of a q35's devices."""

    driver = "pcie-root-port"
    sits_as = Plug.PCIE_ROOT_PORT | Plug.SHARE

    model: Annotated[Literal["pcie-root-port"], At("@model")] = "pcie-root-port"
    model_name: Annotated[Literal["pcie-root-port", "ioh3420"] | None, At("model/@name")] = None
    chassis: Annotated[Byte | None, At("target/@chassis")] = None
    port: Annotated[Byte | None, At("target/@port")] = None
    hotplug: Annotated[OnOff | None, At("target/@hotplug")] = None

    def _driver(self, target: Target) -> str:
        """The generic port since QEMU 2.9, Intel's before."""
        return self.model_name or ("pcie-root-port" if target.caps.has("pcie-root-port") else "ioh3420")

    def _specific(self) -> Iterator[options.Property]:
        # Without an address the domain is refused; its properties are checked all the same.
        slot, function = (self.address.slot, self.address.function) if self.address is not None else (0, 0)
        yield options.Property("port", (slot << 3) + function if self.port is None else self.port, self.place("port"))
        yield options.Property("chassis", self.number if self.chassis is None else self.chassis, self.place("chassis"))
        if self.hotplug is not None:
            yield options.Property("hotplug", self.hotplug, self.place("hotplug"))


class DmiToPciBridge(_Bridge):
    """``dmi-to-pci-bridge``: conventional PCI on q35, the old way; not for hot-plug."""

    driver = "i82801b11-bridge"
    sits_as = Plug.DMI_TO_PCI_BRIDGE

    model: Annotated[Literal["dmi-to-pci-bridge"], At("@model")] = "dmi-to-pci-bridge"
    model_name: Annotated[Literal["i82801b11-bridge"] | None, At("model/@name")] = None

    def chipset_spots(self, number: int, target: Target) -> tuple[Spot, ...]:
        """Where real Q35 hardware has its bridge to conventional PCI."""
        return ((0, 0x1E, 0),) if self.address is None and target.kind == "q35" else ()


class PcieToPciBridge(_Bridge):
    """``pcie-to-pci-bridge``: conventional PCI on q35 since QEMU 2.11."""

    driver = "pcie-pci-bridge"
    sits_as = Plug.PCIE_TO_PCI_BRIDGE

    model: Annotated[Literal["pcie-to-pci-bridge"], At("@model")] = "pcie-to-pci-bridge"
    model_name: Annotated[Literal["pcie-pci-bridge"] | None, At("model/@name")] = None


#: Every model, by its name in the XML.
MODELS: Mapping[str, type[PciController]] = MappingProxyType(
    {
        "pci-root": PciRoot,
        "pcie-root": PcieRoot,
        "pci-bridge": PciBridge,
        "pcie-root-port": PcieRootPort,
        "dmi-to-pci-bridge": DmiToPciBridge,
        "pcie-to-pci-bridge": PcieToPciBridge,
    }
)

PciController.choices = MODELS


def bridge_for(model: str, index: int) -> PciController:
    """A controller of this model that no XML asked for."""
    return MODELS[model].model_validate({"type": "pci", "model": model, "index": index})
