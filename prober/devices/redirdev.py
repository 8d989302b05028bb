"""``<redirdev>``: a USB device of some other machine, at the end of a character device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Property
from prober.commandline.refusal import Refusal
from prober.domain.domain import Domain
from prober.domain.redirfilter import Redirfilter
from prober.domain.shared.address import UsbAddress
from prober.domain.shared.chardev import CharacterDevice
from prober.domain.shared.chardev.character import CharacterType
from prober.domain.shared.device import Bootable
from prober.domain.steps import Completion
from prober.host.target import Target
from prober.xml.binding import At, Becomes


class Redirdev(CharacterDevice, Bootable):
    """A USB port that a device of somebody else's machine is plugged into, one at a time."""

    element = "redirdev"
    alias_prefix = "redir"
    boot_dev = ""
    spice_use = "usbredir"
    default_channel = "org.qemu.usbredir"

    bus: Annotated[Literal["usb"], At("@bus"), Becomes("`usb-redir`")] = "usb"
    type: Annotated[CharacterType, At("@type"), Becomes("the backend of `-chardev`")]
    address: Annotated[UsbAddress | None, At("address"), Becomes("`bus` and `port`")] = None

    #: What the domain lets in, filled in by completing.
    redirfilter: Redirfilter | None = None

    @property
    def is_usb(self) -> bool:
        """Always."""
        return True

    def emit(self, target: Target) -> Iterator[options.Option]:
        """``-chardev`` and the device."""
        yield from self.emit_source(target)
        properties = [self.chardev_property(), Property("id", self.id, self.place())]
        if self.redirfilter is not None and self.redirfilter.text:
            properties.append(Property("filter", self.redirfilter.text, self.redirfilter.place()))
        properties += self.boot_properties()
        properties += self.address_properties(target)
        yield options.DeviceOption("usb-redir", tuple(properties), self.place())


def complete_redirdevs(domain: Domain) -> Completion:
    """Each with what is let in; a filter of nothing is refused."""
    wanted = domain.devices.redirfilter
    if wanted is None:
        return domain
    if not domain.devices.of(Redirdev):
        message = "<redirfilter> has nothing to filter without a <redirdev>"
        yield Refusal(place=wanted.place(), message=message)
    return domain.with_each(Redirdev, lambda device: device.replace(redirfilter=wanted))
