"""How a domain is to be translated, beside for which QEMU: what a client may wish of the command and the service.

Imported by whoever asks, so it needs nothing of the pipeline.
"""

from __future__ import annotations

from typing import NamedTuple


class Wishes(NamedTuple):
    """``strict`` refuses what else stands in an answer's notes, ``ignore_unknown`` makes notes of what is not
    understood.  ``make_up`` makes up what libvirt would, from the ``seed``, or where there is none from the domain's
    name; a seed alone says so, too."""

    strict: bool = False
    ignore_unknown: bool = False
    make_up: bool = False
    seed: str | None = None

    def query(self) -> dict[str, str]:
        """As parameters of the service's routes; what is not wished is left out."""
        given = {name: value for name, value in self._asdict().items() if value not in (None, False)}
        return {name: "true" if value is True else str(value) for name, value in given.items()}

    def seed_of(self, name: str) -> str | None:
        """What a domain of this name is made up from; None where nothing is."""
        return name if self.seed is None and self.make_up else self.seed


#: Nothing beside what a domain says.
NO_WISHES = Wishes()
