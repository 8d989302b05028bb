"""``<controller type='ccid'>``: a smartcard reader on USB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.devices.controller.base import Controller
from prober.domain.shared.address import UsbAddress
from prober.host.target import Target
from prober.xml.binding import At, Becomes


class CcidController(Controller):
    """A reader with one slot.  It sits on USB, and so comes after the hubs in the argv."""

    tag = ""
    controller_type = "ccid"

    type: Annotated[Literal["ccid"], At("@type"), Becomes("`usb-ccid`")] = "ccid"
    address: Annotated[UsbAddress | None, At("address"), Becomes("`bus` and `port`")] = None

    @property
    def is_usb(self) -> bool:
        """Always."""
        return True

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``."""
        yield options.DeviceOption("usb-ccid", (self.identity(), *self.address_properties(target)), self.place())
