"""Reading the settings anew while the service goes on: SIGHUP, and what systemd is told of it.

Nothing is changed before all that is new was read and found to be right: a file that is wrong leaves everything as it
was, and the log and ``STATUS=`` say so.  No connection is dropped, and no interview is lost.  Limits of connections
(``max_head``, ``request_s`` …) hold for those that are made from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from prober.capabilities.catalog import Catalog
from prober.errors import ProberError
from prober.service.changes import changes_between, keep_fixed
from prober.service.late import Late
from prober.service.peers import find_admins
from prober.service.reread import tell_as_they_were, tell_reloaded
from prober.service.serving import Serving
from prober.service.settings import ServiceSettings

#: What others heed, which read their settings by themselves: the prover, and a reader of a fleet.
_OF_OTHERS = ("prover_idle_s", "fleet.")


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
            return tell_as_they_were(error)
        self._serving.settings = kept
        self._serving.application.admins = admins
        await self._catalog.adopt_settings(kept.catalog)
        changed = [name for name in changes_between(self.settings, kept) if not name.startswith(_OF_OTHERS)]
        self.settings = kept
        return tell_reloaded(f"Serving {len(await self._catalog.list_entries())} binaries", changed, fixed)
