"""Sending a body that comes in pieces, as far as the client reads it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from prober.service.messages import Request, Stream

log = logging.getLogger(__name__)


class Pourer:
    """Sends the pieces of bodies over one connection, one body at a time.

    ``write`` sends bytes; ``drained`` gives what is to be waited for where the client does not read, or None.
    """

    def __init__(self, write: Callable[[bytes], None], drained: Callable[[], asyncio.Future[None] | None]) -> None:
        self._write = write
        self._drained = drained
        self._task: asyncio.Task[None] | None = None

    async def pour(self, request: Request, stream: Stream, *, chunks: bool) -> None:
        """Send a body until it has no more, the client has gone, or this is stopped; it is closed in any case.

        After a mistake in it the connection does not go on.
        """
        self._task = asyncio.current_task()
        try:
            if request.is_gone or request.method == "HEAD":
                return
            async for piece in stream:
                self._write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunks else piece)
                if (drained := self._drained()) is not None:
                    await asyncio.wait([drained])  # Not awaited itself: being stopped must not cancel it.
            if chunks:
                self._write(b"0\r\n\r\n")
        except Exception:
            log.exception("%s %s: a fault in prober itself", request.method, request.path[:200])
            request.keep_alive = False
        finally:
            self._task = None
            await stream.aclose()

    @property
    def is_pouring(self) -> bool:
        """Whether a body is under way."""
        return self._task is not None

    def forget(self) -> None:
        """Know the connection no longer: it has gone."""
        self._write, self._drained = _drop, _nothing

    def stop(self) -> bool:
        """Send no more; whether there was something to stop."""
        if self._task is None:
            return False
        self._task.cancel()
        return True


def _drop(_: bytes) -> None:
    """Nobody is there to be sent anything."""


def _nothing() -> None:
    """There is nothing to be waited for."""
    return
