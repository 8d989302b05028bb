"""``<controller type='nvme'>``: what NVMe disks are namespaces of (libvirt 12.8, asked)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Property, Value
from prober.commandline.refusal import Broken
from prober.devices.controller.base import Controller
from prober.domain.shared.address import DriveAddress, PciAddress
from prober.domain.shared.slots import Kinds, Plug
from prober.host.target import Target
from prober.xml.binding import At, Becomes
from prober.xml.values import Line

#: How long a serial number is at most (QEMU, ``hw/nvme/ctrl.c``, nvme_check_params).
_LONGEST = 20


class NvmeController(Controller):
    """An NVMe controller; its serial number is that of all disks on it, and one of the two says it."""

    tag = ""
    controller_type = "nvme"
    emit_turn = 60
    fills_gaps = True

    type: Annotated[Literal["nvme"], At("@type"), Becomes("`-device nvme`")] = "nvme"
    serial: Annotated[Line | None, At("serial"), Becomes("`serial`")] = None
    address: Annotated[PciAddress | None, At("address"), Becomes("`bus` and `addr`")] = None

    def rules(self) -> Iterator[Broken]:
        """The length of its serial number."""
        if self.serial is not None and len(self.serial.encode()) > _LONGEST:
            yield Broken("serial", f"the serial number of an NVMe controller has at most {_LONGEST} bytes")

    def plug(self, target: Target) -> Kinds | None:
        """A PCI Express device."""
        return Plug.pcie(target)

    def unit_properties(self, address: DriveAddress) -> Iterator[tuple[str, Value]]:
        """The namespace, counted from 1; the bus has the controller's own name."""
        yield "bus", self.id
        yield "nsid", address.unit + 1

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``."""
        properties = [self.identity()]
        if self.serial is not None:
            properties.append(Property("serial", self.serial, self.place("serial")))
        yield options.DeviceOption("nvme", (*properties, *self.pci_properties(target)), self.place())
