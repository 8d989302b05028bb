"""What is told of one guest that was to be moved, by the file that it came from."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from prober.commandline.refusal import Refusal
from prober.guest.cards.name import CardChange, CardName
from prober.proof.subject import LineSubject
from prober.rehearsal.models import Migration, SideTold
from prober.rehearsal.pair import SideName
from prober.rehearsal.verdict import RehearsalVerdict


class MigrationTold(BaseModel):
    """``file`` is the domain's, empty for a command line.

    ``refusals`` are those of a domain that one of the QEMUs cannot have.  There is no ``migration`` of what is no
    domain at all (refused), and of what is ``unreadable``, for this reason.
    ``cards`` are the network cards that a guest with systemd would call otherwise after its next start, ``names`` what
    it calls each where it runs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    migration: Migration | None = None
    unreadable: str = ""
    refusals: tuple[Refusal, ...] = ()
    cards: tuple[CardChange, ...] = ()
    names: tuple[CardName, ...] = ()


class MigrationList(BaseModel):
    """What is told of each way that a guest was to be moved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    migrations: tuple[MigrationTold, ...]


def refused_by(
    file: str, side: SideName, refusals: Sequence[Refusal], source: LineSubject, destination: LineSubject
) -> MigrationTold:
    """A domain that is not translated for one side, so that nothing was started."""
    migration = Migration(
        verdict=RehearsalVerdict.refused,
        stage=side,
        reason=f"the {side}'s QEMU cannot have this domain, so nothing was started",
        source=_side(source),
        destination=_side(destination),
    )
    return MigrationTold(file=file, migration=migration, refusals=tuple(refusals))


def _side(subject: LineSubject) -> SideTold:
    return SideTold(binary=subject.binary, version=subject.capabilities.version)
