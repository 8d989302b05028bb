"""Ways to a server on which what is sent is cut off in its middle, or held for a while."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class _Between:
    """Stands between clients and a server, at ``port`` of this host."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The address of the server by this way."""
        return f"nats://127.0.0.1:{self.port}"

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
                for source, target in ((client, server), (server, client)):
                    words = (source, target, source is client)
                    threading.Thread(target=self._run, args=words, daemon=True).start()

    def _run(self, source: socket.socket, target: socket.socket, is_client: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 20):
                self._pass(data, target, is_client)
            self._end(target)

    def _pass(self, data: bytes, target: socket.socket, is_client: bool) -> None:
        raise NotImplementedError

    def _end(self, target: socket.socket) -> None:
        target.shutdown(socket.SHUT_WR)


class Way(_Between):
    """Passes on what a client and a server say, until the client says ``until``: of that the half is passed on, and
    nothing more in either direction.  ``held`` is set then.
    """

    def __init__(self, server: int, until: bytes) -> None:
        self._until = until
        self.held = threading.Event()
        super().__init__(server)

    def _pass(self, data: bytes, target: socket.socket, is_client: bool) -> None:
        if self.held.is_set():
            return
        if is_client and (place := data.find(self._until)) >= 0:
            target.sendall(data[: place + (len(data) - place) // 2])
            self.held.set()
            return
        target.sendall(data)


class Partition(_Between):
    """Passes on what both sides say, but while it is cut.  What is said then, and by whom connects then, is held, and
    passed on when it is healed: as where a cable was out, and neither side was told so.
    """

    def __init__(self, server: int) -> None:
        self._passes = threading.Event()
        self._passes.set()
        super().__init__(server)

    def cut(self) -> None:
        """Nothing comes through from now on."""
        self._passes.clear()

    def heal(self) -> None:
        """All comes through, also what was held."""
        self._passes.set()

    def close(self) -> None:
        """Close all that is open; who holds something lets go of it."""
        super().close()
        self._passes.set()

    def _pass(self, data: bytes, target: socket.socket, is_client: bool) -> None:
        self._passes.wait()
        target.sendall(data)

    def _end(self, target: socket.socket) -> None:
        self._passes.wait()
        super()._end(target)


@contextmanager
def cut_way(server: int, until: bytes) -> Iterator[Way]:
    """A way to the server at a port of this host."""
    way = Way(server, until)
    try:
        yield way
    finally:
        way.close()


@contextmanager
def partition(server: int) -> Iterator[Partition]:
    """A way to the server that can be cut and healed."""
    way = Partition(server)
    try:
        yield way
    finally:
        way.close()
