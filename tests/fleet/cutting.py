"""A way to a server on which what is sent can be cut off in its middle."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Way:
    """Passes on what a client and a server say, until the client says ``until``: of that the half is passed on, and
    nothing more in either direction.  ``held`` is set then.
    """

    def __init__(self, server: int, until: bytes) -> None:
        self._server, self._until = server, until
        self.held = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Close all that is open; the threads end by it."""
        for one in (self._listening, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
                self._open += [client, server]
                threading.Thread(target=self._pass, args=(client, server, self._until), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, b""), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, until: bytes) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 20):
                if self.held.is_set():
                    continue
                if until and (place := data.find(until)) >= 0:
                    target.sendall(data[: place + (len(data) - place) // 2])
                    self.held.set()
                    continue
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@contextmanager
def cut_way(server: int, until: bytes) -> Iterator[Way]:
    """A way to the server at a port of this host."""
    way = Way(server, until)
    try:
        yield way
    finally:
        way.close()
