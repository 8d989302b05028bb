"""How a domain is to be translated, beside for which QEMU: what a client may wish of the command and the service.

Imported by whoever asks, so it needs nothing of the pipeline.
"""

from __future__ import annotations

from typing import NamedTuple


class Wishes(NamedTuple):
    """``strict`` refuses what else stands in an answer's notes, ``ignore_unknown`` makes notes of what is not
    understood."""

    strict: bool = False
    ignore_unknown: bool = False

    def query(self) -> dict[str, str]:
        """As parameters of the service's routes; what is not wished is left out."""
        return {name: "true" for name, value in self._asdict().items() if value}


#: Nothing beside what a domain says.
NO_WISHES = Wishes()
