"""``<serial>``: a serial port of the guest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Property
from prober.domain.binding import At
from prober.domain.shared.chardev import CharacterDevice
from prober.domain.target import Target
from prober.domain.values import Byte


class Serial(CharacterDevice):
    """An ISA port; x86 machines have four."""

    element = "serial"
    alias_prefix = "serial"

    target_type: Annotated[Literal["isa-serial"] | None, At("target/@type")] = None
    target_port: Annotated[Byte | None, At("target/@port")] = None
    target_model: Annotated[Literal["isa-serial"] | None, At("target/model/@name")] = None

    def rules(self) -> Iterator[tuple[str, str]]:
        """The port."""
        yield from super().rules()
        if self.target_port is not None and self.target_port > 3:
            yield "target_port", f"there are ISA serial ports 0 to 3, not {self.target_port}"

    def emit(self, target: Target) -> Iterator[options.Option]:
        """``-chardev`` and the port."""
        assert self.target_port is not None, "<serial> was not completed"
        yield from self.emit_source(target)
        properties = (
            self.chardev_property(),
            Property("id", self.id, self.place()),
            Property("index", self.target_port, self.place("target_port")),
        )
        yield options.Device("isa-serial", properties, self.place())
