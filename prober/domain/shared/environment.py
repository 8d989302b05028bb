"""Variables of QEMU's environment, which no option stands for."""

from __future__ import annotations

from prober.commandline.deeds import SetVariable
from prober.commandline.options import Need


def variable(name: str, value: str) -> Need:
    """A variable that QEMU, or a library of it, reads."""
    todo = f"start QEMU with {name}={value} in its environment"
    return Need("environment", name, todo, SetVariable(variable=name, text=value))
