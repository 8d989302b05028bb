"""The kernel's iommufd, which devices of the host may reach memory through; and NUMA nodes that they start from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import TypeAlias, TypeVar

from prober.commandline.options import Object, Option
from prober.commandline.refusal import Refusal
from prober.devices.hostdev.vfio import PciHostdev
from prober.devices.interface import HostdevInterface
from prober.domain.domain import Domain
from prober.domain.shared.devices import Devices
from prober.domain.shared.vfio import IOMMUFD
from prober.domain.steps import Completion
from prober.host.target import Target

_OnPci: TypeAlias = PciHostdev | HostdevInterface
D = TypeVar("D", PciHostdev, HostdevInterface)


def complete_iommufd(domain: Domain, target: Target) -> Completion:
    """Each device of the host knows whether it uses iommufd, and the number of its first ``acpi-generic-initiator``;
    the nodes that it starts from are the guest's (hw/acpi/pci.c: QEMU takes any below 128)."""
    default = domain.iommufd is not None and domain.iommufd.enabled
    domain = domain.with_each(HostdevInterface, lambda card: _settled(card, default))
    domain = domain.with_each(PciHostdev, lambda device: _settled(device, default))
    devices = domain.devices.of(PciHostdev)
    cells = len(domain.numa.cells) if domain.numa is not None else 0
    for device in devices:
        for node in device.nodes or ():
            if node >= max(cells, 1):
                yield Refusal(place=device.place("nodes"), message=f"the guest has no NUMA node {node}")
    counts = accumulate((len(device.nodes or ()) for device in devices), initial=0)
    numbered = [device.replace(first_initiator=number) for device, number in zip(devices, counts, strict=False)]
    return domain.with_all(PciHostdev, numbered)


def _settled(device: D, default: bool) -> D:
    return device if device.iommufd is not None else device.replace(iommufd=default)


def emit_iommufd(devices: Devices, target: Target) -> Iterator[Option]:
    """One object for all devices that use it (libvirt 12.8, asked)."""
    all_of_them: list[_OnPci] = [*devices.of(HostdevInterface), *devices.of(PciHostdev)]
    using = [device for device in all_of_them if device.iommufd]
    if using:
        yield Object("iommufd", IOMMUFD, (), using[0].place("iommufd"))
