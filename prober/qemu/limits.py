"""How much one interview may cost: time, bytes and processes.  Everything that a QEMU sends is bounded."""

from __future__ import annotations

import os

from pydantic import BaseModel, ConfigDict, Field

_MIB = 1 << 20


class InterviewLimits(BaseModel):
    """The bounds of one interview.  Times are seconds, sizes are bytes.

    ``greet_s`` runs from the launch of a QEMU to its greeting, ``reply_s`` from a question (or from the
    reply before it, as QEMU answers one after the other) to its reply, ``total_s`` over the whole interview.
    ``reply_bytes`` bounds one reply, ``total_bytes`` all that the processes of one interview send,
    ``stderr_bytes`` is how much of the end of each standard error is kept.  ``in_flight`` is how many
    questions wait for a reply in one process at most, ``processes`` how many QEMU processes run at the same
    time (None: two where there are two cores or more, else one).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    greet_s: float = Field(default=10, gt=0)
    reply_s: float = Field(default=10, gt=0)
    total_s: float = Field(default=60, gt=0)
    reply_bytes: int = Field(default=64 * _MIB, gt=0)
    total_bytes: int = Field(default=256 * _MIB, gt=0)
    stderr_bytes: int = Field(default=4096, gt=0)
    in_flight: int = Field(default=32, gt=0)
    processes: int | None = Field(default=None, gt=0)

    @property
    def processes_at_once(self) -> int:
        """How many QEMU processes run at the same time on this machine."""
        if self.processes is not None:
            return self.processes
        return 2 if len(os.sched_getaffinity(0)) >= 2 else 1
