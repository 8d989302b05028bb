"""All tables of rows, by what their names are of."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from prober.proof.row import StandInRow
from prober.proof.rows.blocks import BLOCK_DRIVERS
from prober.proof.rows.chardevs import CHARDEVS
from prober.proof.rows.devices import DEVICES, PROPERTIES
from prober.proof.rows.displays import AUDIODEVS, DISPLAYS
from prober.proof.rows.netdevs import NETDEVS
from prober.proof.rows.objects import OBJECTS
from prober.proof.rows.options import OPTIONS
from prober.proof.rows.others import FSDEVS, TPMDEVS


class RowTable(NamedTuple):
    """``says`` is what a type without a row comes to; empty where nothing of the line is started."""

    rows: Mapping[str, StandInRow]
    says: str = ""


_PROPERTIES = {name: StandInRow(row.treatment, row.say) for name, row in PROPERTIES.items()}

#: In the order of a reader.
TABLES: Mapping[str, RowTable] = MappingProxyType(
    {
        "option": RowTable(OPTIONS),
        "netdev": RowTable(NETDEVS),
        "chardev": RowTable(CHARDEVS),
        "object": RowTable(OBJECTS),
        "device": RowTable(DEVICES, "Any other device is kept."),
        "property": RowTable(
            _PROPERTIES,
            "Files stand in for the `romfile` of any card, and for what `loader` and `guest-loader` load.  With another"
            " property that names something of the host, nothing is started.",
        ),
        "block driver": RowTable(BLOCK_DRIVERS),
        "display": RowTable(DISPLAYS),
        "audiodev": RowTable(AUDIODEVS),
        "fsdev": RowTable(FSDEVS),
        "tpmdev": RowTable(TPMDEVS),
    }
)
