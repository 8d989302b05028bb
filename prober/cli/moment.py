"""When a guest starts: as the user says, or now, where its clock counts from then."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from prober.domain.domain import Domain
from prober.translate.wishes import Wishes


def with_moment(wishes: Wishes, domain: Domain) -> Wishes:
    """The same wishes, with the present moment where none is told and the domain cannot be translated without."""
    if wishes.starts_at is not None or not (domain.clock.is_variable and domain.clock.seconds):
        return wishes
    return wishes._replace(starts_at=int(time.time()))


def format_moment(moment: int) -> str:
    """What is said of a moment that nobody told.

    >>> format_moment(0)
    "the guest's clock is told for a start now, at 1970-01-01T00:00:00Z; --starts-at names another moment"
    """
    written = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"the guest's clock is told for a start now, at {written}; --starts-at names another moment"
