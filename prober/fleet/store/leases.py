"""Leases by compare-and-set, for which no two clocks are compared.

Who holds a lease writes anew that it does, and each time the key has a new revision.  Who wants it looks at the
revision and takes the lease when, by its own monotonic clock, it has stood still for the time that the lease is for.
As that begins after the writing, a holder that counts from before its writing has stopped by then: a holder that could
not renew (:class:`~prober.errors.StoreError`) holds nothing any more ``seconds`` after it last began to.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from prober.errors import StoreConflictError, StoreError
from prober.fleet.store.protocol import LEASES, Held

#: How many leases of others one looks at; of the others the waiting begins anew.
_MOST_LOOKED_AT = 1000

_Get = Callable[[str], Awaitable[Held | None]]
_Put = Callable[[str, bytes, int], Awaitable[int]]


class Leases:
    """The leases of one store, as one process sees them."""

    def __init__(self, get: _Get, put: _Put, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._get, self._put, self._clock = get, put, clock
        self._seen: OrderedDict[str, tuple[Held, float]] = OrderedDict()

    async def lease(self, name: str, holder: str, seconds: float) -> bool:
        """Take or renew the lease; whether it is the holder's.  Another's is taken ``seconds`` after it stood still."""
        if not 0 < len(holder) <= 256:
            raise StoreError("who holds a lease has a name of 1 to 256 characters")
        key = f"{LEASES}{name}"
        held = await self._get(key)
        if held is not None and _holder(held) != holder and not self._stood_still(held, seconds):
            return False
        after = 0 if held is None else held.revision
        try:
            await self._put(key, json.dumps({"holder": holder, "after": after}).encode(), after)
        except StoreConflictError:
            return False
        self._seen.pop(key, None)
        return True

    def _stood_still(self, held: Held, seconds: float) -> bool:
        now = self._clock()
        before, since = self._seen.get(held.key, (None, now))
        if before != held:
            self._seen[held.key] = held, now
            self._seen.move_to_end(held.key)
            if len(self._seen) > _MOST_LOOKED_AT:
                self._seen.popitem(last=False)
            return False
        return now - since >= seconds


def _holder(held: Held) -> str | None:
    """Who holds it; None where what is written there cannot be read: then it is taken when it stood still."""
    try:
        told = json.loads(held.value)
    except (ValueError, RecursionError):
        return None
    holder = told.get("holder") if isinstance(told, dict) else None
    return holder if isinstance(holder, str) else None
