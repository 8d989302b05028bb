"""``<hub>``: more USB ports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from prober.commandline import options
from prober.domain.shared.address import UsbAddress
from prober.domain.shared.device import Device
from prober.host.target import Target
from prober.xml.binding import At, Becomes

#: How many ports QEMU's hub has (``hw/usb/dev-hub.c``).
PORTS: Final = 8


class Hub(Device):
    """A USB hub; hubs are added where a controller has too few ports."""

    element = "hub"
    alias_prefix = "hub"

    type: Annotated[Literal["usb"], At("@type"), Becomes("`-device usb-hub`")]
    address: Annotated[UsbAddress | None, At("address"), Becomes("`bus` and `port`")] = None

    @property
    def is_usb(self) -> bool:
        """Always."""
        return True

    def emit(self, target: Target) -> Iterator[options.Option]:
        """One ``-device``."""
        identity = options.Property("id", self.id, self.place())
        yield options.DeviceOption("usb-hub", (identity, *self.address_properties(target)), self.place())
