"""A machine of no family that is known here: nothing is said of what it has."""

from __future__ import annotations

import re

from prober.commandline.machines.family import MachineFamily

OTHER = MachineFamily(kind="other", names=re.compile(r".*", re.DOTALL), targets=frozenset())
