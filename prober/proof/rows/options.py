"""The rows of the options, by their flags; a disk image by itself has none."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from prober.proof.row import StandInRow, stood_in
from prober.proof.rows.backends import OPTIONS_OF_BACKENDS
from prober.proof.rows.chardevs import change_chardev
from prober.proof.rows.devices import OPTIONS_OF_DEVICES
from prober.proof.rows.displays import OPTIONS_OF_DISPLAYS
from prober.proof.rows.files import OPTIONS_OF_FILES
from prober.proof.rows.netdevs import OPTIONS_OF_NETDEVS
from prober.proof.rows.objects import OPTIONS_OF_OBJECTS
from prober.proof.rows.others import OTHER_OPTIONS

OPTIONS: Mapping[str, StandInRow] = MappingProxyType(
    {
        **OTHER_OPTIONS,
        **OPTIONS_OF_BACKENDS,
        **OPTIONS_OF_DEVICES,
        **OPTIONS_OF_DISPLAYS,
        **OPTIONS_OF_FILES,
        **OPTIONS_OF_NETDEVS,
        **OPTIONS_OF_OBJECTS,
        "-chardev": stood_in("by its backend, see below", change_chardev),
    }
)
