"""What came of a rehearsal, in one word."""

from __future__ import annotations

from enum import StrEnum

from prober.proof.models import ProofVerdict
from prober.proof.outcome import Outcome


class RehearsalVerdict(StrEnum):
    """Exit code 0 for the first two, 3 for what was refused, and 4 for what nothing can be said of.

    ``in_part`` was taken, though something of it was not tried, or the guest would see that something is not as before.
    """

    rehearsed = "rehearsed"
    in_part = "rehearsed in part"
    refused = "refused"
    not_provable = "not provable"


def verdict_of_start(outcome: Outcome) -> RehearsalVerdict:
    """What a start that came to nothing makes of the rehearsal: QEMU refuses the line, or nothing can be said."""
    return RehearsalVerdict.refused if outcome.verdict is ProofVerdict.refused else RehearsalVerdict.not_provable
