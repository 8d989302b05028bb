"""What every answer about a fleet tells."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class FleetAnswer(BaseModel):
    """``as_of`` is when (seconds since 1970) what it says was true.

    ``away`` is why the store cannot be reached by the reader that answers from what it knew then; None where it can,
    and where the store itself was read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: float
    away: str | None = None
