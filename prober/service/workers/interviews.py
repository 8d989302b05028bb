"""The service's side of interviews: each binary is asked, and each recording read, by a process of its own."""

from __future__ import annotations

import asyncio
from typing import Any

from prober.capabilities.find import CatalogSettings
from prober.capabilities.gently import Derived
from prober.capabilities.interviewer import Interviewer
from prober.errors import (
    ConfinementError,
    LaunchError,
    LimitError,
    ProberError,
    ProtocolError,
    QemuError,
    QemuTimeoutError,
    RecordingError,
    WorkError,
)
from prober.service.workers.channel import WorkerChannel, WorkerGoneError
from prober.service.workers.start import Nursery
from prober.service.workers.told import AskedElsewhere
from prober.service.workers.wire import WorkerFrame

#: How much longer (seconds) than its interview may take a process may live.
_BESIDES = 15.0
#: And how long the reading of a recording may take: a megabyte takes a tenth of one.
_READING = 60.0

#: Errors by their kind; of any other its words alone cross.
_ERRORS: dict[str, type[ProberError]] = {
    cls.kind: cls
    for cls in (ConfinementError, LaunchError, LimitError, ProtocolError, QemuError, QemuTimeoutError, RecordingError)
}


class Interviews:
    """Asks and reads, with processes of a ``nursery``."""

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery

    def by(self, settings: CatalogSettings) -> Interviewer:
        """Who asks binaries by these settings."""
        told, limit = settings.model_dump(mode="json", include={"limits", "accel"}), settings.limits.total_s

        async def ask(path: str) -> AskedElsewhere:
            frame = await self._have(path, told, limit)
            return AskedElsewhere.of_head(frame.head, frame.body)

        return ask

    async def read(self, path: str) -> Derived:
        """Read the recording in a file.

        :raise ProberError: where it cannot be read.
        """
        return Derived((await self._have(path, None, _READING)).body)

    async def _have(self, path: str, settings: dict[str, Any] | None, limit: float) -> WorkerFrame:
        """What such a process says; whatever happens, it has ended then."""
        hatched = await self._nursery.hatch({"kind": "asking", "path": path, "settings": settings})
        channel = await WorkerChannel.open(hatched)
        try:
            async with asyncio.timeout(limit + _BESIDES):
                frame = await channel.listen()
        except (WorkerGoneError, TimeoutError) as error:
            why = "took too long" if isinstance(error, TimeoutError) else "has died"
            raise WorkError(f"the process that asked it {why}", hint="the service's log may say more") from error
        finally:
            await channel.end()
        if "fault" in frame.head:
            raise RuntimeError("a fault in the process that asked it; its traceback stands above")
        if "error" in frame.head:
            kind, message, hint = frame.head["error"]
            raise _ERRORS.get(kind, QemuError)(message, hint=hint)
        return frame
