"""What the service answers about itself and its catalog, as models."""

from __future__ import annotations

from pydantic import BaseModel

from prober.capabilities.changes import AnswerChange, News
from prober.capabilities.entry import Entry


class Health(BaseModel):
    """``status`` is ``ok`` while the service answers; ``binaries`` counts the entries by their state."""

    status: str
    version: str
    binaries: dict[str, int]


class Readiness(BaseModel):
    """``status`` is ``ready``, as there is an error otherwise; ``binaries`` counts the entries by their state."""

    status: str
    binaries: dict[str, int]


class BinaryList(BaseModel):
    """All entries of the catalog, as they are now."""

    binaries: list[Entry]


#: The longest that a question for changes may wait (seconds).
MOST_WAIT_S = 60.0


class ChangeList(BaseModel):
    """Changes in their order.

    ``id`` is what to ask with the next time.  ``reset`` is whether something is missing before them, so that the client
    has to look at everything anew.
    """

    changes: list[AnswerChange]
    id: str
    reset: bool

    @classmethod
    def of(cls, news: News[AnswerChange]) -> ChangeList:
        """What came."""
        return cls(changes=news.changes, id=news.id, reset=news.has_gap)
