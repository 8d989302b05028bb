"""What is told of an interview that another process made."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from prober.capabilities.gently import Derived
from prober.capabilities.interviewer import Interviewed
from prober.qemu.box.forms import Confined
from prober.qemu.ran import Ran


class AskedElsewhere(BaseModel):
    """An interview (:class:`~prober.capabilities.interviewer.Interviewed`) whose recording stayed where it was made."""

    model_config = ConfigDict(frozen=True)

    recording: Derived
    seconds: float
    timings: dict[str, float]
    ran: Ran
    confinement: Confined
    unconfined: tuple[str, ...]

    @classmethod
    def head_of(cls, interview: Interviewed) -> dict[str, Any]:
        """What is told of an interview besides what its recording proves, as JSON has it."""
        names = [name for name in cls.model_fields if name != "recording"]
        told = cls.model_validate({"recording": Derived(b""), **{name: getattr(interview, name) for name in names}})
        return told.model_dump(mode="json", exclude={"recording"})

    @classmethod
    def of_head(cls, head: Any, text: bytes) -> Self:
        """The same, on the other side."""
        return cls.model_validate({**head, "recording": Derived(text)})
