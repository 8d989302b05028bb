"""Which machine a command line makes, and of which family it is."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from prober.capabilities import Capabilities
from prober.capabilities.models import Machine
from prober.commandline.aliases import MACHINE_KINDS, MachineKind
from prober.commandline.options import Keyval


@lru_cache(maxsize=256)
def machine_kind(canonical: str) -> MachineKind:
    """The family of a machine, by its canonical name."""
    for kind, pattern in MACHINE_KINDS:
        if pattern.fullmatch(canonical):
            return kind
    return "other"


def machine_of(options: Iterable[Keyval], caps: Capabilities) -> Machine | None:
    """The machine that all ``-machine`` together name, or None where it is not known."""
    name = ""
    for option in options:
        name = option.first or name
    return caps.machine(name) if name else caps.accelerator.default_machine
