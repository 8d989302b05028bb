"""``<parallel>``: a parallel port of the guest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

from prober.commandline import options
from prober.commandline.options import Property
from prober.commandline.refusal import Refusal
from prober.domain.shared.address import IsaAddress
from prober.domain.shared.chardev import CharacterDevice
from prober.domain.shared.devices import Devices
from prober.domain.steps import Check
from prober.host.target import Target
from prober.xml.binding import At, Neutral
from prober.xml.values import AbsolutePath, Count

#: How many parallel ports ISA has (QEMU, ``hw/char/parallel.c``).
_PORTS: Final = 3


class Parallel(CharacterDevice):
    """An ISA port; x86 machines have three."""

    element = "parallel"
    alias_prefix = "parallel"

    tty: Annotated[AbsolutePath | None, At("@tty"), Neutral("the pty that a running domain had")] = None
    target_port: Annotated[
        Count | None, At("target/@port"), Neutral("QEMU numbers the ports as they come, and libvirt lets it")
    ] = None

    address: Annotated[IsaAddress | None, At("address"), Neutral("libvirt reads it, and leaves the place to QEMU")] = (
        None
    )

    def emit(self, target: Target) -> Iterator[options.Option]:
        """``-chardev`` and the port."""
        yield from self.emit_source(target)
        identity = Property("id", self.id, self.place())
        yield options.DeviceOption("isa-parallel", (self.chardev_property(), identity), self.place())


def check_parallels(devices: Devices) -> Check:
    """No more than there are ports."""
    for extra in devices.of(Parallel)[_PORTS:]:
        yield Refusal(place=extra.place(), message=f"there are only {_PORTS} parallel ports")
