"""``<memballoon>``: memory that the guest can hand back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.refusal import Refusal
from prober.domain.domain import Domain
from prober.domain.shared.address import Address
from prober.domain.shared.slots import Kinds
from prober.domain.shared.twins import extras
from prober.domain.shared.virtio import VirtioDevice, VirtioModel, virtio_driver, virtio_plug
from prober.domain.steps import Completion
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral, Qemu
from prober.xml.values import HexAmount, OnOff


class Memballoon(VirtioDevice):
    """A domain without the element has a virtio balloon; ``model='none'`` says that it shall have none, whatever else
    is said of it."""

    element = "memballoon"
    alias_prefix = "balloon"

    model: Annotated[VirtioModel | Literal["none"], At("@model"), Becomes("which `virtio-balloon-pci`, or none")]
    autodeflate: Annotated[OnOff | None, At("@autodeflate"), Qemu("deflate-on-oom")] = None
    free_page_reporting: Annotated[OnOff | None, At("@freePageReporting"), Qemu("free-page-reporting")] = None
    stats_period: Annotated[
        HexAmount | None, At("stats/@period"), Neutral("asked of the balloon over the monitor, once the guest runs")
    ] = None
    address: Annotated[Address | None, At("address"), Becomes("`bus` and `addr`")] = None

    @property
    def may_be_mmio(self) -> bool:
        """Where there is one."""
        return self.model == "virtio"

    def plug(self, target: Target) -> Kinds | None:
        """A virtio device, or nothing, whatever its address."""
        return None if self.model == "none" else virtio_plug(target, self.model)

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``."""
        if self.model == "none":
            return
        identity = options.Property("id", self.id, self.place())
        properties = (*self.properties(), identity, *self.pci_properties(target))
        yield options.DeviceOption(virtio_driver("virtio-balloon-pci", self.model), properties, self.place())


def add_memballoon(domain: Domain, target: Target) -> Completion:
    """A domain without the element has a virtio balloon, on most machines, and no domain has two
    (libvirt 11.3, ``qemuDomainDefAddDefaultDevices``)."""
    balloons = domain.devices.of(Memballoon)
    if not balloons and target.is_understood and not target.family.defaults.has_memballoon:
        return domain
    if not balloons:
        return domain.with_devices([*domain.devices.every, Memballoon(model="virtio")])
    for first, extra in extras(balloons):
        message = f"a second <memballoon>, the first is in line {first.place().line}"
        yield Refusal(place=extra.place(), message=message)
    balloon = balloons[0]
    if balloon.model != "none" or (balloon.address is None and balloon.acpi_index is None):
        return domain
    # libvirt does not read where a balloon is that is not there (``virDomainMemballoonDefParseXML``).
    nowhere = balloon.replace(address=None, acpi_index=None)
    return domain.with_devices([nowhere if device is balloon else device for device in domain.devices.every])
