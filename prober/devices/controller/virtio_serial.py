"""``<controller type='virtio-serial'>``: what virtio consoles and channels plug into, and which port each gets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from prober.commandline import options
from prober.commandline.refusal import Broken
from prober.devices.controller.base import Controller
from prober.domain.shared.address import Address
from prober.domain.shared.slots import Kinds
from prober.domain.shared.virtio import VirtioDevice, VirtioModel, virtio_driver, virtio_plug
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Qemu
from prober.xml.values import Count

#: How many ports one has, unless it says otherwise (QEMU, ``hw/char/virtio-serial-pci.c``).
DEFAULT_PORTS: Final = 31
#: Two queues for each port and two more have to fit into a device's 1024 (QEMU, ``hw/char/virtio-serial-bus.c``).
_MOST_PORTS: Final = 511


class VirtioSerialController(Controller, VirtioDevice):
    """A controller of up to 31 ports, or as many as it says."""

    tag = ""
    controller_type = "virtio-serial"
    emit_turn = 50

    type: Annotated[Literal["virtio-serial"], At("@type"), Becomes("`virtio-serial-pci`")] = "virtio-serial"
    model: Annotated[VirtioModel, At("@model"), Becomes("which `virtio-serial-pci`")] = "virtio"
    ports: Annotated[Count | None, At("@ports"), Qemu("max_ports")] = None
    vectors: Annotated[Count | None, At("@vectors"), Qemu("vectors")] = None
    address: Annotated[Address | None, At("address"), Becomes("`bus` and `addr`")] = None

    @property
    def port_count(self) -> int:
        """How many ports it has, the one of number 0 among them."""
        return DEFAULT_PORTS if self.ports is None else self.ports

    def rules(self) -> Iterator[Broken]:
        """The number of ports."""
        yield from super().rules()
        if self.ports is not None and not 1 <= self.ports <= _MOST_PORTS:
            yield Broken("ports", f"a virtio-serial controller has 1 to {_MOST_PORTS} ports, not {self.ports}")

    @property
    def may_be_mmio(self) -> bool:
        """Unless it shall drive old guests, or none of them."""
        return self.model == "virtio"

    def plug(self, target: Target) -> Kinds | None:
        """A virtio device."""
        return virtio_plug(target, self.model)

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``."""
        properties = (self.identity(), *self.properties(), *self.pci_properties(target))
        yield options.DeviceOption(virtio_driver("virtio-serial-pci", self.model), properties, self.place())
