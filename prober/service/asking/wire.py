"""One connection of the client that is awaited: a socket, and HTTP as :mod:`prober.service.client` has it.

No stream of asyncio's: where the service answers before it has taken all of a body, and closes, a stream loses the
answer with the error of what was still to be sent; and one that is let go may go on sending.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from prober.service.client import CHUNK, MAX_RESPONSE_BYTES, AnswerReader


class AskingSocket:
    """Carries one question at a time, and belongs to no event loop between them."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)

    def is_connected(self) -> bool:
        """Connect; false where more wait to be let in than the kernel has room for, which asyncio takes for success.

        :raise OSError: where there is nobody.
        """
        try:
            self._socket.connect(self._path)
        except BlockingIOError:
            return False
        return True

    async def exchange(self, request: bytes) -> tuple[int, bytes, bool]:
        """Ask; the status and the body of the answer, and whether the connection ends with it.

        :raise ServiceError: where it is none of prober's service.
        :raise OSError: where it does not come whole.
        """
        loop = asyncio.get_running_loop()
        with suppress(BrokenPipeError):  # The service may answer (413) and close before it has taken all of the body.
            await loop.sock_sendall(self._socket, request)
        reader = AnswerReader(self._path, MAX_RESPONSE_BYTES)
        while not reader.take(await loop.sock_recv(self._socket, CHUNK)):
            pass
        return reader.answer()

    def close(self) -> None:
        """Close it, whatever is under way."""
        self._socket.close()
