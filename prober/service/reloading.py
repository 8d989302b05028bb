"""Reading the settings anew while the service goes on: SIGHUP, and what systemd is told of it.

Nothing is changed before all that is new was read and found to be right: a file that is wrong leaves everything as it
was, and the log and ``STATUS=`` say so.  No connection is dropped, and no interview is lost.  Limits of connections
(``max_head``, ``request_s`` …) hold for those that are made from then on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from prober.capabilities.catalog import Catalog
from prober.errors import ProberError, SettingsError
from prober.service.changes import changes_between, keep_fixed
from prober.service.late import Late
from prober.service.notify import notify
from prober.service.peers import find_admins
from prober.service.serving import Serving
from prober.service.settings import ServiceSettings

log = logging.getLogger(__name__)

#: What is the prover's own, which reads its settings when it is started.
_OF_THE_PROVER = ("prover_idle_s",)


class Reloader:
    """Has the parts of a service go on by other settings.  ``load`` reads them, and blocks; for one event loop."""

    def __init__(
        self,
        settings: ServiceSettings,
        load: Callable[[], ServiceSettings],
        *,
        catalog: Catalog,
        late: Late,
        serving: Serving,
    ) -> None:
        self.settings = settings
        self._load = load
        self._catalog = catalog
        self._late = late
        self._serving = serving

    async def keep_reloading(self, wanted: asyncio.Event) -> None:
        """Read the settings anew each time that this is wanted, for ever."""
        while True:
            await wanted.wait()
            wanted.clear()
            notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}\nSTATUS=Reading the settings anew")
            said = "The settings are as they were: a fault in prober itself"
            try:
                said = await self.reload()
            except Exception:  # The service outlives it; systemd is told in any case, as it waits.
                log.exception("reading the settings anew failed", extra={"fields": {"event": "fault"}})
            finally:
                notify(f"READY=1\nSTATUS={_one_line(said)}")

    async def reload(self) -> str:
        """Read the settings, and go on by them.  Returns what is to be told of it, in a sentence.

        Where they cannot be read or are wrong everything stays as it was.
        """
        try:
            read = await asyncio.to_thread(self._load)
            kept, fixed = keep_fixed(self.settings, read)
            admins = await asyncio.to_thread(find_admins, kept.admin_group)
            # It reads the host's own file, and so is the last that can fail.
            await self._late.adopt(kept)
        except ProberError as error:
            # A problem a line is for a terminal; the log and the status have one line.
            said = "; ".join(error.problems) if isinstance(error, SettingsError) else str(error)
            fields = {"event": "reload", "outcome": "wrong"}
            log.error("the settings are as they were: %s", said, extra={"fields": fields})
            return f"The settings are as they were: {said}"
        self._serving.settings = kept
        self._serving.application.admins = admins
        await self._catalog.adopt_settings(kept.catalog)
        changed = [name for name in changes_between(self.settings, kept) if name not in _OF_THE_PROVER]
        self.settings = kept
        fields = {"event": "reload", "outcome": "done", "changed": ",".join(changed), "fixed": ",".join(fixed)}
        what = f"changed {', '.join(changed)}" if changed else "nothing changed"
        log.info("the settings were read anew: %s", what, extra={"fields": fields})
        said = f"Serving {len(await self._catalog.list_entries())} binaries"
        if fixed:
            log.warning("what a running service cannot change is as it was: %s (restart it)", ", ".join(fixed))
            return f"{said}; restart to change {', '.join(fixed)}"
        return said


def _one_line(said: str) -> str:
    """As systemd takes a status: one line, of a length that can be read."""
    return " ".join(said.split())[:500]
