"""``<crypto>``: a device that encrypts for the guest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Property
from prober.domain.shared.address import PciAddress
from prober.domain.shared.slots import Kinds, Plug
from prober.domain.shared.virtio import VirtioDevice
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral
from prober.xml.values import Count


class Crypto(VirtioDevice):
    """A virtio device on QEMU's own code, or on the host kernel's (``lkcf``)."""

    element = "crypto"
    alias_prefix = "crypto"
    numbered_by_names = True

    model: Annotated[Literal["virtio"], At("@model"), Becomes("`virtio-crypto-pci`")]
    type: Annotated[Literal["qemu"], At("@type"), Neutral("there is no other")]
    backend: Annotated[
        Literal["builtin", "lkcf"],
        At("backend/@model"),
        Becomes("the object `cryptodev-backend-builtin` or `cryptodev-backend-lkcf`"),
    ]
    queues: Annotated[Count | None, At("backend/@queues"), Becomes("`queues` of the object")] = None
    address: Annotated[PciAddress | None, At("address"), Becomes("`bus` and `addr`")] = None

    def plug(self, target: Target) -> Kinds | None:
        """Conventional PCI, where libvirt puts it (11.3, ``qemuDomainDeviceCalculatePCIConnectFlags``)."""
        return Plug.pci()

    def emit(self, target: Target) -> Iterator[options.Option]:
        """The object, and the device."""
        name = f"obj{self.id}"
        queues = (Property("queues", self.queues, self.place("queues")),) if self.queues else ()
        yield options.Object(f"cryptodev-backend-{self.backend}", name, queues, self.place("backend"))
        properties = (
            *self.properties(),
            Property("cryptodev", name, self.place("backend")),
            Property("id", self.id, self.place()),
            *self.address_properties(target),
        )
        yield options.DeviceOption("virtio-crypto-pci", properties, self.place("model"))
