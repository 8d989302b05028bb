"""One label of a Kubernetes node.  Apart from what makes them, which takes a tenth of a second to load."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Label(BaseModel):
    """One label, and why it is there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: str
    because: str
