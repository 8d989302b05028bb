"""Where a character device leads on the host: what ``<serial>`` and ``<console>`` share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Property
from prober.domain.binding import At
from prober.domain.shared.device import Device
from prober.domain.target import Target
from prober.domain.values import AbsolutePath, OnOff


class CharacterDevice(Device):
    """One end is in the guest; ``type`` and ``<source>`` are the other."""

    type: Annotated[Literal["pty", "file", "unix"], At("@type")]
    source_path: Annotated[AbsolutePath | None, At("source/@path")] = None
    source_append: Annotated[OnOff | None, At("source/@append")] = None
    source_mode: Annotated[Literal["bind", "connect"] | None, At("source/@mode")] = None

    def rules(self) -> Iterator[tuple[str, str]]:
        """What belongs to which type."""
        if self.type == "pty" and self.source_path is not None:
            yield "source_path", "QEMU chooses the pty itself; leave <source> out"
        if self.type != "pty" and self.source_path is None:
            yield "", f"type='{self.type}' needs <source path=…>"
        if self.type != "file" and self.source_append is not None:
            yield "source_append", "append belongs to type='file' alone"
        if self.type != "unix" and self.source_mode is not None:
            yield "source_mode", "mode belongs to type='unix' alone"

    @property
    def source(self) -> tuple[object, ...]:
        """All that says where it leads, for comparing two."""
        return self.type, self.source_path, self.source_append, self.source_mode

    def emit_chardev(self, target: Target) -> options.Keyval:
        """``-chardev``."""
        pairs = [Property("id", f"char{self.id}", self.place())]
        if self.source_path is not None:
            pairs.append(Property("path", self.source_path, self.place("source_path")))
        if self.source_append is not None:
            pairs.append(Property("append", self.source_append, self.place("source_append")))
        if self.type == "unix" and self.source_mode != "connect":
            pairs.append(Property("server", True, self.place("source_mode")))
            pairs.append(Property("wait", False, self.place("source_mode")))
        backend = "socket" if self.type == "unix" else self.type
        return options.Keyval("-chardev", backend, tuple(pairs), self.place())
