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
from typing import Any

from prober.capabilities.catalog import Catalog
from prober.errors import ProberError
from prober.service.late import Late
from prober.service.notify import notify
from prober.service.peers import find_admins
from prober.service.protocol import Serving
from prober.service.settings import ServiceSettings

log = logging.getLogger(__name__)

#: What a service has once it is started: its socket, and where it keeps what it learns.
FIXED = ("socket", "mode", "group", "catalog.cache_dir")
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
                log.exception("reading the settings anew failed")
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
            log.error("the settings are as they were: %s", error)
            return f"The settings are as they were: {error}"
        self._serving.settings = kept
        self._serving.application.admins = admins
        await self._catalog.adopt_settings(kept.catalog)
        changed = [name for name in changes_between(self.settings, kept) if name not in _OF_THE_PROVER]
        self.settings = kept
        log.info("the settings were read anew: %s", f"changed {', '.join(changed)}" if changed else "nothing changed")
        said = f"Serving {len(self._catalog.entries())} binaries"
        if fixed:
            log.warning("what a running service cannot change is as it was: %s (restart it)", ", ".join(fixed))
            return f"{said}; restart to change {', '.join(fixed)}"
        return said


def keep_fixed(old: ServiceSettings, new: ServiceSettings) -> tuple[ServiceSettings, list[str]]:
    """The new settings with what cannot be changed as it was, and the names of what would have been changed of it."""
    fixed = [name for name in changes_between(old, new) if name in FIXED]
    catalog = new.catalog.model_copy(update={"cache_dir": old.catalog.cache_dir})
    same = {name: getattr(old, name) for name in FIXED if "." not in name}
    return new.model_copy(update={**same, "catalog": catalog}), fixed


def changes_between(old: ServiceSettings, new: ServiceSettings) -> list[str]:
    """The keys that differ: ``max_body``, ``catalog.paths``."""
    return list(_differing(old.model_dump(), new.model_dump(), ""))


def _differing(old: dict[str, Any], new: dict[str, Any], above: str) -> list[str]:
    found: list[str] = []
    for name, was in old.items():
        if isinstance(was, dict):
            found += _differing(was, new[name], f"{above}{name}.")
        elif was != new[name]:
            found.append(above + name)
    return found


def _one_line(said: str) -> str:
    """As systemd takes a status: one line, of a length that can be read."""
    return " ".join(said.split())[:500]
