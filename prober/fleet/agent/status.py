"""How an agent is: a small file, for `prober doctor` and `prober metrics`."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prober.errors import FleetError
from prober.qemu.whole import write_whole

#: The most bytes of it that are read.
_MOST_BYTES = 65536

#: `prober doctor` and `prober metrics` run as other users.
_MODE = 0o644

#: After so many beats without a new one it is old.
_BEATS = 3


class AskedSide(BaseModel):
    """The store, or the service: whether it answers, since when (seconds since 1970), and what it said instead.

    ``is_well`` is None as long as it was not asked.
    """

    model_config = ConfigDict(extra="forbid")

    is_well: bool | None = None
    since: float = 0.0
    said: str = ""
    hint: str = ""


class AgentStatus(BaseModel):
    """How an agent is.  Times are seconds since 1970.

    ``lease`` is whether the name is its own: ``held``, or ``other`` where another host reports under it.
    ``machine`` is what the host is called by now, where that is not ``name``.  ``sequence`` is that of the record in
    the store, None until it is known.  ``pushes`` counts the records that were written, ``uploads`` the builds and
    variants, ``failures`` what did not go well and was tried again; ``error`` is why this host cannot be reported
    though both answer.
    """

    model_config = ConfigDict(extra="forbid")

    form: Literal[1] = 1
    name: str
    machine: str = ""
    pid: int
    at: float = 0.0
    beat_s: float = Field(default=30.0, gt=0)
    store: AskedSide = AskedSide()
    service: AskedSide = AskedSide()
    lease: Literal["none", "held", "other"] = "none"
    sequence: int | None = None
    qemus: int = 0
    pushes: int = 0
    uploads: int = 0
    beats: int = 0
    failures: int = 0
    error: str = ""

    def is_old(self, now: float) -> bool:
        """Whether an agent that lives would have written it anew by now."""
        return abs(now - self.at) > _BEATS * self.beat_s


def write_status(path: Path, status: AgentStatus) -> None:
    """Replace the file; everybody may read it.  Blocks.

    :raise FleetError: where it cannot be written.
    """
    try:
        write_whole(path, status.model_dump_json().encode(), _MODE)
    except OSError as error:
        raise FleetError(f"cannot write {path}: {error.strerror}", hint="see its directory") from error


def read_status(path: Path) -> AgentStatus | None:
    """What an agent wrote last; None where there is nothing.  Who wrote it is not trusted: it is bounded.  Blocks.

    :raise FleetError: where it cannot be read.
    """
    try:
        # A FIFO in its place shall not hold us, nor a link lead elsewhere.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FleetError(f"{path} is no file")
            data = os.read(descriptor, _MOST_BYTES)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FleetError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return AgentStatus.model_validate_json(data)
    except ValidationError as error:
        raise FleetError(f"{path} is not what an agent of this version writes") from error
