"""What a reader tells of itself and of changes, as models."""

from __future__ import annotations

import time

from pydantic import BaseModel, ConfigDict

from prober.capabilities.changes import News, NumberedLog
from prober.fleet.reader import FleetChangeOf


class FleetHealth(BaseModel):
    """``status`` is ``ok`` while the reader answers, ``ready`` once it knows all that the store has.

    ``away`` is why the store cannot be reached now, None where it can; ``as_of`` when (seconds since 1970) what is
    known was true, 0 where nothing is yet.  ``builds`` counts those that are known, ``damaged`` what counts for
    nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: str
    version: str
    away: str | None
    as_of: float
    hosts: int
    silent: int
    builds: int
    damaged: int


class FleetChange(BaseModel):
    """One change of a fleet: what happened (see :data:`~prober.fleet.reader.FleetChangeOf`), to which host (empty: to
    the store), and what is said of it.  ``at`` is when it was told (seconds since 1970)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    at: float
    kind: FleetChangeOf
    host: str = ""
    said: str = ""


class FleetChangeList(BaseModel):
    """Changes in their order; see :class:`~prober.service.replies.ChangeList`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    changes: list[FleetChange]
    id: str
    reset: bool

    @classmethod
    def of(cls, news: News[FleetChange]) -> FleetChangeList:
        """What came."""
        return cls(changes=news.changes, id=news.id, reset=news.has_gap)


class FleetChangeLog(NumberedLog[FleetChange]):
    """The changes of a fleet since its reader was started.  For one event loop."""

    def add(self, kind: FleetChangeOf, host: str = "", said: str = "", /) -> None:
        """Note a change."""
        self.note(FleetChange(id=self.next, at=time.time(), kind=kind, host=host, said=said[:1000]))
