"""``<console>``: the guest's console, which on x86 is its first serial port under another name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.domain.binding import At
from prober.domain.shared.chardev import CharacterDevice
from prober.domain.target import Target
from prober.domain.values import Byte


class Console(CharacterDevice):
    """Without a ``<serial>`` it makes the first one; with one it repeats it (``virDomainDefAddConsoleCompat``)."""

    element = "console"
    alias_prefix = "console"

    target_type: Annotated[Literal["serial"] | None, At("target/@type")] = None
    target_port: Annotated[Byte | None, At("target/@port")] = None

    def rules(self) -> Iterator[tuple[str, str]]:
        """The console is port 0."""
        yield from super().rules()
        if self.target_port not in (None, 0):
            yield "target_port", "a console of type serial is serial port 0"

    def emit(self, target: Target) -> Iterator[options.Option]:
        """Nothing: completing has made sure that the serial port is there."""
        return iter(())
