"""The element itself, with its rules and what it becomes."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.options import Option
from prober.commandline.refusal import Broken
from prober.devices.filesystem.emit import emit_filesystem
from prober.devices.filesystem.model import FilesystemElement
from prober.devices.filesystem.rules import filesystem_rules
from prober.host.target import Target


class Filesystem(FilesystemElement):
    """One directory.  9p is done by QEMU itself, virtiofs by a virtiofsd that somebody starts beside it."""

    element = "filesystem"

    def rules(self) -> Iterator[Broken]:
        """What goes with which driver."""
        return filesystem_rules(self)

    def emit(self, target: Target) -> Iterator[Option]:
        """The device, and what is behind it."""
        return emit_filesystem(self, target)
