"""How late the event loop is: what everybody who is connected feels of whatever holds it."""

from __future__ import annotations

import asyncio

from prober.service.metrics.tally import Tally

_EVERY_S = 0.25


async def watch_lag(tally: Tally) -> None:
    """Count how late a timer is, again and again, until this is cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _EVERY_S
        await asyncio.sleep(_EVERY_S)
        tally.late(max(0.0, loop.time() - due))
