"""``<lease>``: a lock that the host's lock manager holds while the guest runs."""

from __future__ import annotations

from typing import Annotated

from prober.xml.binding import At, Element, Neutral
from prober.xml.values import AbsolutePath, Amount, Line

_WHY = "taken by the host's lock manager (sanlock, lockd) before QEMU starts, and never seen by QEMU"


class Lease(Element):
    """A key in a lockspace, in a file."""

    lockspace: Annotated[Line, At("lockspace"), Neutral(_WHY)]
    key: Annotated[Line, At("key"), Neutral(_WHY)]
    path: Annotated[AbsolutePath, At("target/@path"), Neutral(_WHY)]
    offset: Annotated[Amount, At("target/@offset"), Neutral(_WHY)] = 0
