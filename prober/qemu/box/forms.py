"""The forms that a confinement has, by name."""

from __future__ import annotations

from typing import Literal

Form = Literal["bubblewrap", "weak"]

#: The form of the box that a QEMU was in; none: as confined as prober itself.
Confined = Literal["bubblewrap", "weak", "none"]

#: Whether a network namespace of its own is to be had: directly, by way of a user namespace, or not.
Network = Literal["none", "direct", "user"]
