"""A client of the service that another thread may have give up: the page that asked has gone."""

from __future__ import annotations

import socket
from contextlib import suppress

from prober.service.client import Client


class LeavingClient(Client):
    """Asks as any client does, until :meth:`leave` is called."""

    _is_left = False

    def leave(self) -> None:
        """End what is under way, and whatever is asked from now on: each raises a ServiceError.  For another thread."""
        self._is_left = True
        made = self._socket
        if made is not None:
            with suppress(OSError):  # It is closed just now, or had gone already.
                made.shutdown(socket.SHUT_RDWR)

    def _connect(self, deadline: float) -> socket.socket:
        self._require_asker()
        return super()._connect(deadline)

    def _send(self, target: socket.socket, request: bytes) -> None:
        # What was connected meanwhile had no socket yet that could be shut down.
        self._require_asker()
        super()._send(target, request)

    def _require_asker(self) -> None:
        if self._is_left:
            raise OSError(0, "nobody waits for the answer any more")
