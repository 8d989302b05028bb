"""What all controllers share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Annotated, ClassVar

from prober.commandline import options
from prober.commandline.refusal import Broken
from prober.domain.shared.device import Device
from prober.host.target import Target
from prober.xml.binding import At, Becomes
from prober.xml.values import Index


class Controller(Device):
    """A controller is known by its type and index; without one it takes the next of its type."""

    element = "controller"
    tag = "type"

    #: The value of ``type``.
    controller_type: ClassVar[str]
    #: In which turn controllers of this type stand in the argv (libvirt, ``qemuBuildControllersCommandLine``).
    emit_turn: ClassVar[int] = 0
    #: Whether a device that plugs into number 3 makes 0 to 2 come to be, too (``virDomainDefAddImplicitControllers``).
    fills_gaps: ClassVar[bool] = False

    type: Annotated[str, At("@type"), Becomes("the device")]
    index: Annotated[Index | None, At("@index"), Becomes("the device's `id`, which names the bus")] = None

    @property
    def number(self) -> int:
        """The index of a completed controller."""
        assert self.index is not None
        return self.index

    @property
    def is_companion(self) -> bool:
        """Whether it is part of another controller of its type and index (USB 2)."""
        return False

    @property
    def group_model(self) -> str | None:
        """Its model, where several controllers make one together, with one index, each of another model (USB 2)."""
        return None

    def name_for(self, number: int, target: Target) -> str:
        """libvirt's alias for it (``qemuAssignDeviceControllerAlias``)."""
        return f"{self.controller_type}{self.number}"

    def with_default_model(self, target: Target) -> Controller:
        """With the model that libvirt chooses where the XML has none."""
        return self

    def with_peers(self, controllers: Iterable[Controller]) -> Controller:
        """Knowing the others, all of which have their alias."""
        return self

    def argv_turn(self) -> tuple[int, int]:
        """By type, and then in libvirt's order of controllers."""
        return self.emit_turn, 0

    def machine_rules(self, target: Target) -> Iterator[Broken]:
        """What this machine does not allow of it."""
        return iter(())

    def domain_rules(self, nodes: int, threads: Collection[int]) -> Iterator[Broken]:
        """What does not fit the rest of the domain: the number of its NUMA nodes, and the ids of its I/O threads."""
        return iter(())

    def identity(self) -> options.Property:
        """The ``id``."""
        return options.Property("id", self.id, self.place())
