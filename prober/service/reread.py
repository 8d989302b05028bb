"""How settings are read anew, by whomever: at SIGHUP, with a word of it for systemd and for the log."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from prober.errors import ProberError, SettingsError
from prober.service.notify import notify

log = logging.getLogger("prober.service.reloading")


async def keep_reloading(wanted: asyncio.Event, reload: Callable[[], Awaitable[str]]) -> None:
    """Read the settings anew each time that this is wanted, for ever.  ``reload`` gives what is to be told of it."""
    while True:
        await wanted.wait()
        wanted.clear()
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}\nSTATUS=Reading the settings anew")
        said = "The settings are as they were: a fault in prober itself"
        try:
            said = await reload()
        except Exception:  # The service outlives it; systemd is told in any case, as it waits.
            log.exception("reading the settings anew failed", extra={"fields": {"event": "fault"}})
        finally:
            notify(f"READY=1\nSTATUS={_one_line(said)}")


def tell_as_they_were(error: ProberError) -> str:
    """Log that the settings are as they were; what is to be told of that."""
    # A problem a line is for a terminal; the log and the status have one line.
    said = "; ".join(error.problems) if isinstance(error, SettingsError) else str(error)
    log.error("the settings are as they were: %s", said, extra={"fields": {"event": "reload", "outcome": "wrong"}})
    return f"The settings are as they were: {said}"


def tell_reloaded(state: str, changed: Sequence[str], fixed: Sequence[str]) -> str:
    """Log what of the settings changed, and what a running service cannot change; what is to be told of that."""
    fields = {"event": "reload", "outcome": "done", "changed": ",".join(changed), "fixed": ",".join(fixed)}
    what = f"changed {', '.join(changed)}" if changed else "nothing changed"
    log.info("the settings were read anew: %s", what, extra={"fields": fields})
    if fixed:
        log.warning("what a running service cannot change is as it was: %s (restart it)", ", ".join(fixed))
        return f"{state}; restart to change {', '.join(fixed)}"
    return state


def _one_line(said: str) -> str:
    """As systemd takes a status: one line, of a length that can be read."""
    return " ".join(said.split())[:500]
