"""``<interface>``: a network card, on QEMU's user-mode network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Property
from prober.domain.binding import At, Qemu
from prober.domain.shared.address import PciAddress
from prober.domain.shared.device import Bootable, Scan, Turn
from prober.domain.slots import Kinds, Plug
from prober.domain.target import Target
from prober.domain.values import MacAddress

#: QEMU's device for each model.
_DRIVERS = {"virtio": "virtio-net-pci", "e1000": "e1000", "e1000e": "e1000e", "rtl8139": "rtl8139"}


class Interface(Bootable):
    """Without ``<mac>`` QEMU chooses an address, the same for every domain; libvirt makes one up."""

    element = "interface"
    alias_prefix = "net"
    address_turn = Turn.INTERFACE
    scan_turn = Scan.INTERFACE
    boot_dev = "network"

    type: Annotated[Literal["user"], At("@type")]
    mac: Annotated[MacAddress | None, At("mac/@address"), Qemu("mac")] = None
    model: Annotated[Literal["virtio", "e1000", "e1000e", "rtl8139"] | None, At("model/@type")] = None
    address: Annotated[PciAddress | None, At("address")] = None

    def plug(self, target: Target) -> Kinds | None:
        """virtio and e1000e are Express, the older cards are not."""
        if self.model == "virtio":
            return Plug.virtio(target)
        return Plug.pcie(target) if self.model == "e1000e" else Plug.pci()

    def emit(self, target: Target) -> Iterator[options.Option]:
        """``-netdev`` and the device on it."""
        assert self.model is not None, "<interface> was not completed"
        netdev = f"host{self.id}"
        yield options.Qapi("-netdev", "netdev_add", "type", {"type": "user", "id": netdev}, self.place())
        properties = [Property("netdev", netdev, self.place()), Property("id", self.id, self.place())]
        properties += self.properties()
        properties += self.boot_properties()
        properties += self.pci_properties(target)
        yield options.Device(_DRIVERS[self.model], tuple(properties), self.place("model"))


def default_model(target: Target) -> str:
    """The first card that the binary has, oldest first, as libvirt chooses (``qemuDomainDefaultNetModel``)."""
    for model in ("rtl8139", "e1000"):
        if target.caps.has(model):
            return model
    return "virtio"
