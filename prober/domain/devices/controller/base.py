"""What all controllers share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from prober.commandline import options
from prober.domain.binding import At
from prober.domain.shared.device import Device, Scan, Turn
from prober.domain.values import Index

if TYPE_CHECKING:
    from prober.domain.target import Target


class Controller(Device):
    """A controller is known by its type and index; without one it takes the next of its type."""

    element = "controller"
    tag = "type"
    address_turn = Turn.CONTROLLER
    scan_turn = Scan.CONTROLLER

    #: The value of ``type``.
    controller_type: ClassVar[str]
    #: In which turn controllers of this type stand in the argv (libvirt, ``qemuBuildControllersCommandLine``).
    emit_turn: ClassVar[int] = 0

    type: Annotated[str, At("@type")]
    index: Annotated[Index | None, At("@index")] = None

    @property
    def number(self) -> int:
        """The index of a completed controller."""
        assert self.index is not None
        return self.index

    def name_for(self, number: int, target: Target) -> str:
        """libvirt's alias for it (``qemuAssignDeviceControllerAlias``)."""
        return f"{self.controller_type}{self.number}"

    def argv_turn(self) -> tuple[int, int]:
        """By type, and then by index."""
        return self.emit_turn, self.number

    def machine_rules(self, target: Target) -> Iterator[tuple[str, str]]:
        """What this machine does not allow of it, as (field, sentence)."""
        return iter(())

    def identity(self) -> options.Property:
        """The ``id``."""
        return options.Property("id", self.id, self.place())
