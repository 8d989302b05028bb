"""A feature that is only on or off: ``<NAME state='on'/>``."""

from __future__ import annotations

from typing import Annotated, Protocol

from prober.xml.binding import At, Becomes, Element
from prober.xml.values import OnOff


class Switch(Element):
    """A feature whose state must be said."""

    state: Annotated[OnOff, At("@state"), Becomes("the feature that it is given for, on or off")]


class SwitchOn(Element):
    """A feature that is on where its state is not said."""

    state: Annotated[OnOff, At("@state"), Becomes("the feature that it is given for, on or off")] = True


class HasState(Protocol):
    """Whatever is on or off."""

    @property
    def state(self) -> bool:
        """Whether it is on."""


def is_on(switch: HasState | None) -> bool:
    """Whether a feature is given, and on."""
    return switch is not None and switch.state
