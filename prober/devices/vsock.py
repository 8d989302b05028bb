"""``<vsock>``: sockets between host and guest, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from prober.commandline import options
from prober.commandline.options import Need, Passed, Property
from prober.commandline.refusal import Broken, Refusal
from prober.domain.shared.address import PciAddress
from prober.domain.shared.devices import Devices
from prober.domain.shared.slots import Kinds
from prober.domain.shared.twins import extras
from prober.domain.shared.virtio import VirtioDevice, VirtioModel, virtio_driver, virtio_plug
from prober.domain.steps import Check
from prober.host.target import Target
from prober.xml.binding import At, Becomes
from prober.xml.values import YesNo, number_in

#: The first number that a guest can have; 0 to 2 are the hypervisor's and the host's.
_FIRST = 3


class Vsock(VirtioDevice):
    """The guest is known by a number, its CID."""

    element = "vsock"
    alias_prefix = "vsock"

    model: Annotated[VirtioModel, At("@model"), Becomes("the kind of virtio device")] = "virtio"
    cid: Annotated[Annotated[int, number_in(_FIRST, 2**32 - 1)] | None, At("cid/@address"), Becomes("`guest-cid`")] = (
        None
    )
    auto: Annotated[YesNo | None, At("cid/@auto"), Becomes("`guest-cid`, by the host's choice if yes")] = None
    address: Annotated[PciAddress | None, At("address"), Becomes("`bus` and `addr`")] = None

    def rules(self) -> Iterator[Broken]:
        """A number, or somebody who chooses one."""
        if self.auto is False and self.cid is None:
            yield Broken("auto", "<cid auto='no'> needs an address")

    @property
    def is_chosen_by_host(self) -> bool:
        """Whether the host takes a number that is free (libvirt 11.3, ``virDomainVsockDefPostParse``)."""
        return self.cid is None if self.auto is None else self.auto

    def plug(self, target: Target) -> Kinds | None:
        """As virtio devices."""
        return virtio_plug(target, self.model)

    def emit(self, target: Target) -> Iterator[options.Option]:
        """libvirt 11.3, ``qemuBuildVsockDevProps``."""
        cid = self.cid or _FIRST
        todo = (
            f"open /dev/vhost-vsock for reading and writing, and give it the number {cid} (VHOST_VSOCK_SET_GUEST_CID)"
        )
        if self.is_chosen_by_host:
            cid = _FIRST
            todo = (
                "open /dev/vhost-vsock for reading and writing, set the first number from 3 on that is free"
                " (VHOST_VSOCK_SET_GUEST_CID), and put that into guest-cid"
            )
        properties = (
            *self.properties(),
            Property("id", self.id, self.place()),
            Property("guest-cid", cid, self.place("cid")),
            Property("vhostfd", Passed(Need("vhost-vsock", self.id, todo, path="/dev/vhost-vsock")), self.place()),
            *self.address_properties(target),
        )
        yield options.DeviceOption(virtio_driver("vhost-vsock-pci", self.model), properties, self.place("model"))


def check_vsock(devices: Devices) -> Check:
    """A domain has one."""
    for first, extra in extras(devices.of(Vsock)):
        message = f"a second <vsock>, the first is in line {first.place().line}"
        yield Refusal(place=extra.place(), message=message)
