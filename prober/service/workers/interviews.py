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


_HINT = "the service's log may say more"


class _DiedError(WorkError):
    """The process has ended before it said anything: somebody killed it, it may be for what it asked."""


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
        """What such a process says, or where it has died another one; whatever happens, they have ended then."""
        try:
            return await self._have_once(path, settings, limit)
        except _DiedError:
            return await self._have_once(path, settings, limit)

    async def _have_once(self, path: str, settings: dict[str, Any] | None, limit: float) -> WorkerFrame:
        hatched = await self._nursery.hatch({"kind": "asking", "path": path, "settings": settings})
        channel = await WorkerChannel.open(hatched)
        try:
            async with asyncio.timeout(limit + _BESIDES):
                frame = await channel.listen()
        except TimeoutError as error:
            raise WorkError("the process that asked it took too long", hint=_HINT) from error
        except WorkerGoneError as error:
            raise _DiedError("the process that asked it has died", hint=_HINT) from error
        finally:
            await channel.end()
        if "fault" in frame.head:
            raise RuntimeError("a fault in the process that asked it; its traceback stands above")
        if "error" in frame.head:
            kind, message, hint, may_pass = frame.head["error"]
            told = _ERRORS.get(kind, QemuError)(message, hint=hint)
            told.may_pass = may_pass
            raise told
        return frame
