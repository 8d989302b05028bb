"""Devices of the host that the guest gets through VFIO: what ``<hostdev>`` and ``<interface type='hostdev'>`` share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, NamedTuple

from prober.commandline.options import Need, Prepared
from prober.commandline.refusal import Unfit
from prober.xml.values import number_in

#: The parts of an address on the host, decimal or with ``0x``.
ByteNumber = Annotated[int, number_in(0, 0xFF)]
SlotNumber = Annotated[int, number_in(0, 0x1F)]

#: The id of the object that stands for the kernel's iommufd.
IOMMUFD = "iommufd0"

_ADDRESS = re.compile(r"([0-9a-fA-F]{4,8}):([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\.([0-7])")


class HostPci(NamedTuple):
    """A PCI device of the host."""

    domain: int
    bus: int
    slot: int
    function: int

    def __str__(self) -> str:
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}.{self.function}"


def read_host_pci(text: str) -> HostPci:
    """``0000:03:07.1``.

    :raise Unfit: where it is no such address.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise Unfit("is not a PCI address like 0000:03:07.1")
    domain, bus, slot, function = match.groups()
    return HostPci(int(domain, 16), int(bus, 16), int(slot, 16), int(function))


def vfio_host(
    device: HostPci,
    alias: str,
    *,
    words: Sequence[str] = (),
    driver: str | None = None,
    managed: bool = False,
    companions: Sequence[str] = (),
    iommufd: bool = False,
) -> Prepared:
    """The value of ``host``, with what must be done for it.  ``words`` are done before the device is taken over,
    ``companions`` are devices of the host that must be taken along; with ``iommufd`` QEMU opens the device itself, and
    not its group."""
    bind = f"bind the PCI device {device} of the host to the driver {driver or 'vfio-pci'}"
    if not managed:
        bind = f"the PCI device {device} of the host must be bound to the driver {driver or 'vfio-pci'}"
    steps = [*words, bind, *(f"do the same with {other}, which the guest does not get" for other in companions)]
    opened = "let QEMU open /dev/iommu and the device in /dev/vfio/devices" if iommufd else ""
    steps += [opened or "let QEMU open its group in /dev/vfio", "let QEMU lock the guest's memory"]
    if managed:
        steps.append("give the device back to its own driver after the guest has ended")
    return Prepared(str(device), Need("vfio", alias, ", ".join(steps)))
