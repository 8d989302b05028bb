"""What all host devices share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline.options import Option, Property
from prober.commandline.refusal import Broken
from prober.domain.shared.device import Bootable
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral
from prober.xml.values import YesNo


class Hostdev(Bootable):
    """A device of the host, given to the guest; ``mode='capabilities'`` is for containers, and libvirt refuses it for
    QEMU.
    """

    element = "hostdev"
    tag = "type"
    alias_prefix = "hostdev"
    # <os><boot dev> has no name for it.
    boot_dev = "hostdev"

    type: Annotated[str, At("@type"), Becomes("the device")]
    mode: Annotated[Literal["subsystem"], At("@mode"), Neutral("the only mode of QEMU's")] = "subsystem"
    managed: Annotated[
        YesNo | None, At("@managed"), Neutral("who takes a PCI device from its driver; the resource says it")
    ] = None

    #: Its number among the host devices, those of interfaces first; filled in by completing.
    number: int = 0

    @property
    def source_key(self) -> tuple[object, ...]:
        """What tells it from the others: no two of a domain are the same."""
        raise NotImplementedError

    def name_for(self, number: int, target: Target) -> str:
        """libvirt's alias (``qemuAssignDeviceHostdevAlias``)."""
        return f"hostdev{self.number}"

    def identity(self) -> Property:
        """The ``id``."""
        return Property("id", self.id, self.place())

    def machine_rules(self, target: Target) -> Iterator[Broken]:
        """What this QEMU does not allow of it."""
        return iter(())

    def emit(self, target: Target) -> Iterator[Option]:
        """One ``-device``, and what it needs."""
        raise NotImplementedError


class Displayed(Hostdev):
    """A device that can draw the guest's screen."""

    display: Annotated[Literal["on", "off"] | None, At("@display"), Becomes("`display`")] = None
    ramfb: Annotated[
        Literal["on", "off"] | None, At("@ramfb"), Becomes("`ramfb`, of the driver `vfio-pci-nohotplug`")
    ] = None

    @property
    def driver(self) -> str:
        """A screen before the guest's driver runs is that of a device that cannot be unplugged."""
        return "vfio-pci-nohotplug" if self.ramfb == "on" else "vfio-pci"

    def ramfb_properties(self) -> Iterator[Property]:
        """``ramfb`` is left out unless it is on."""
        if self.ramfb == "on":
            yield Property("ramfb", True, self.place("ramfb"))
