"""The host that translations are for: read once, in a thread, and kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

from prober.errors import ServiceError, UsageError
from prober.guest.cpu.map import cpu_map
from prober.host.files import read_host
from prober.host.host import Host


class HostKeeper:
    """Reads the settings and the firmware when they are first needed.  What changes on disk later takes a restart."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._host: Host | None = None
        self._lock = asyncio.Lock()

    async def get(self) -> Host:
        """The host.

        :raise ServiceError: where its file cannot be read or understood.
        """
        if self._host is None:
            async with self._lock:
                if self._host is None:
                    self._host = await asyncio.to_thread(_read, self._file)
        return self._host


def _read(file: Path | None) -> Host:
    cpu_map()  # It is a file, too, and nobody shall read it on the event loop.
    try:
        return read_host(file)
    except UsageError as error:
        raise ServiceError(error.message, hint=error.hint) from error
