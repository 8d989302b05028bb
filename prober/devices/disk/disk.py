"""The element itself, with its rules and what it becomes."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.options import Option
from prober.commandline.refusal import Broken
from prober.devices.disk.emit import emit_disk
from prober.devices.disk.model import DiskElement
from prober.devices.disk.rules import disk_rules
from prober.host.target import Target


class Disk(DiskElement):
    """One drive of the guest with what is in it."""

    element = "disk"

    def rules(self) -> Iterator[Broken]:
        """What is wrong with it whatever the machine."""
        return disk_rules(self)

    def emit(self, target: Target) -> Iterator[Option]:
        """Its images, then the device."""
        return emit_disk(self, target)
