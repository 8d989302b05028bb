"""How a domain is to be translated, beside for which QEMU: what a client may wish of the command and the service.

Imported by whoever asks, so it needs nothing of the pipeline.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

from prober.errors import UsageError

#: The seconds since 1970 that a moment of starting may be: the years 1900 to 9999, as of a guest's clock.
_SECONDS = range(-2208988800, 253402300800)

_NUMBER = re.compile(r"-?[0-9]{1,12}")


class Wishes(NamedTuple):
    """``strict`` refuses what else stands in an answer's notes, ``ignore_unknown`` makes notes of what is not
    understood.  ``make_up`` makes up what libvirt would, from the ``seed``, or where there is none from the domain's
    name; a seed alone says so, too.  ``starts_at`` is when the guest starts, in seconds since 1970, for clocks that go
    on from where they were."""

    strict: bool = False
    ignore_unknown: bool = False
    make_up: bool = False
    seed: str | None = None
    starts_at: int | None = None

    def query(self) -> dict[str, str]:
        """As parameters of the service's routes; what is not wished is left out."""
        given = {name: value for name, value in self._asdict().items() if value is not None and value is not False}
        return {name: "true" if value is True else str(value) for name, value in given.items()}

    def seed_of(self, name: str) -> str | None:
        """What a domain of this name is made up from; None where nothing is."""
        return name if self.seed is None and self.make_up else self.seed


def read_moment(text: str) -> int:
    """Seconds since 1970, of such a number or of a moment as ISO 8601 writes it, which is one of UTC where it does not
    say otherwise.

    :raise UsageError: where it is neither, or not in the years 1900 to 9999.
    """
    hint = "write seconds since 1970, or a moment like 2026-11-30T12:00:00Z"
    try:
        if _NUMBER.fullmatch(text):
            seconds = int(text)
        else:
            moment = datetime.fromisoformat(text)
            seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise UsageError(f"{text[:80]!r} is no moment", hint=hint) from None
    if seconds not in _SECONDS:
        raise UsageError(f"{text[:80]!r} is not in the years 1900 to 9999", hint=hint)
    return seconds


#: Nothing beside what a domain says.
NO_WISHES = Wishes()
