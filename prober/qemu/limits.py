"""How much one interview may cost: time, bytes and processes.  Everything that a QEMU sends is bounded."""

from __future__ import annotations

import os

from pydantic import BaseModel, ConfigDict, Field

_MIB = 1 << 20


class InterviewLimits(BaseModel):
    """The bounds of one interview.  Times are seconds, sizes are bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: From the launch of a QEMU to its greeting.
    greet_s: float = Field(default=10, gt=0, le=1_000_000)
    #: From a question (or from the reply before it, as QEMU answers one after the other) to its reply.
    reply_s: float = Field(default=10, gt=0, le=1_000_000)
    #: The whole interview.
    total_s: float = Field(default=60, gt=0, le=1_000_000)
    #: One reply.
    reply_bytes: int = Field(default=64 * _MIB, gt=0)
    #: All that the processes of one interview send.
    total_bytes: int = Field(default=256 * _MIB, gt=0)
    #: How much of the end of each standard error is kept.
    stderr_bytes: int = Field(default=4096, gt=0)
    #: How many questions wait for a reply in one process.
    in_flight: int = Field(default=32, gt=0)
    #: How many QEMU processes run at the same time; none: two where there are two cores or more, else one.
    processes: int | None = Field(default=None, gt=0)

    @property
    def processes_at_once(self) -> int:
        """How many QEMU processes run at the same time on this machine."""
        if self.processes is not None:
            return self.processes
        return 2 if len(os.sched_getaffinity(0)) >= 2 else 1
