"""What is said of a guest that was moved from one machine to another, as a rehearsal."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from prober.capabilities.models import Version
from prober.commandline.report import ArgvFinding
from prober.proof.models import Blamed, Omission, Replacement
from prober.rehearsal.verdict import RehearsalVerdict

#: Where it came to an end: at one of the starts, at a device or section of the stream, or not at all.
FailedAt = Literal["source", "destination", "stream", ""]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GuestChange(_Value):
    """Something that a guest would see change: ``where`` is a device and its place, the machine, a CPU, ``part`` a
    property of it (empty for the whole), ``here`` what the source has, and ``there`` what the destination has; None is
    what one has not."""

    where: str
    part: str
    here: JsonValue
    there: JsonValue


class SideTold(_Value):
    """One of the two machines.

    ``program`` is the QEMU that was asked for, ``machine`` the canonical machine type that it runs, ``said`` are its
    own words, where it refused, ``warnings`` what it warned of.  ``findings`` are those of the check, ``replaced`` what
    stood in for the host's own and ``left_out`` what it was started without.
    """

    binary: str
    version: Version
    machine: str = ""
    accelerator: str = ""
    said: str = ""
    option: Blamed | None = None
    warnings: tuple[str, ...] = ()
    findings: tuple[ArgvFinding, ...] = ()
    replaced: tuple[Replacement, ...] = ()
    left_out: tuple[Omission, ...] = ()


class Migration(_Value):
    """What became of a paused guest that was sent from one QEMU to another.

    ``stage`` is where it failed, ``said`` QEMU's own words there, and ``signal`` what ended a QEMU that crashed.
    ``device`` is what these words are about, and ``because`` how the two sides differ there.  ``changes`` are what the
    guest would see change, whether QEMU lets it pass or not.  ``unknown`` are sentences of what a rehearsal cannot
    tell.  ``state_bytes`` is how much was sent (0 where that was not counted), ``seconds`` the whole of it.
    ``confinement`` is the form of the boxes; ``driven`` names the devices that were driven as a guest does, and
    ``undriven`` those that were not, with the reason.
    """

    verdict: RehearsalVerdict
    stage: FailedAt = ""
    said: str = ""
    reason: str = ""
    signal: str = ""
    device: str = ""
    because: tuple[GuestChange, ...] = ()
    changes: tuple[GuestChange, ...] = ()
    unknown: tuple[str, ...] = ()
    driven: tuple[str, ...] = ()
    undriven: tuple[str, ...] = ()
    source: SideTold
    destination: SideTold
    confinement: str = ""
    state_bytes: int = 0
    seconds: float = 0.0
