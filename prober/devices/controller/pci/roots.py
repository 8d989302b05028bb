"""``pci-root`` and ``pcie-root``: the machine's own bus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline.options import Global, Option, Property
from prober.commandline.refusal import Broken
from prober.commandline.text import Text
from prober.devices.controller.pci.base import PciController
from prober.domain.shared.devices import Devices
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Element
from prober.xml.values import UNITS, Amount, OnOff, Unit


class PciHole(Element):
    """``<pcihole64>``: how much room above 4 GiB devices are mapped in."""

    value: Annotated[Amount, At("."), Becomes("`pci-hole64-size`")]
    unit: Annotated[Unit, At("@unit"), Becomes("`pci-hole64-size`")] = "KiB"

    @property
    def kibibytes(self) -> int:
        """The size, rounded up as libvirt does."""
        return -(-self.value * UNITS[self.unit] // 1024)


class Root(PciController):
    """It is there before any device."""

    tag = ""

    hole: Annotated[PciHole | None, At("pcihole64"), Becomes("`-global …-pcihost.pci-hole64-size`")] = None

    def rules(self) -> Iterator[Broken]:
        """There is one root, at index 0."""
        if self.index not in (0, None):
            yield Broken("index", f"a {self.model} has index 0")

    def name_for(self, number: int, target: Target) -> str:
        """The name that QEMU's machine gives it."""
        return target.root_bus

    def is_builtin(self, target: Target) -> bool:
        """Part of the machine."""
        return True

    def machine_rules(self, target: Target) -> Iterator[Broken]:
        """pc has PCI, q35 has PCI Express."""
        if target.is_understood and not target.has_pci:
            yield Broken("model", f"machine {target.machine} has no PCI bus")
        if target.root is not None and target.root.model != self.model:
            yield Broken("model", f"machine {target.machine} has a {target.root.model} at index 0, not a {self.model}")


class PciRoot(Root):
    """The root bus of pc.  Its ``<target hotplug>`` is one spelling of the root hot-plug option."""

    model: Annotated[Literal["pci-root"], At("@model"), Becomes("nothing: it is part of the machine")] = "pci-root"
    hotplug: Annotated[OnOff | None, At("target/@hotplug"), Becomes("`-global PIIX4_PM.acpi-root-pci-hotplug`")] = None


class PcieRoot(Root):
    """The root bus of q35, and of ``virt`` machines."""

    model: Annotated[Literal["pcie-root"], At("@model"), Becomes("nothing: it is part of the machine")] = "pcie-root"


def emit_pci_holes(devices: Devices, target: Target) -> Iterator[Option]:
    """The size of the 64-bit hole (libvirt 11.3, ``qemuBuildGlobalControllerCommandLine``)."""
    for root in devices.of(Root):
        if root.hole is not None:
            size = Text(f"{root.hole.kibibytes}K")
            yield Global(_host_of(root, target), Property("pci-hole64-size", size, root.place("hole")))


def _host_of(root: Root, target: Target) -> str:
    """QEMU's device that makes the bus; without one any, as such a domain is refused."""
    own = target.root.host if target.root is not None else ""
    return own or ("i440FX-pcihost" if isinstance(root, PciRoot) else "q35-pcihost")
