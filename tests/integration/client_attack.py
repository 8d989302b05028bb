"""What a client does that means no good: connections, and how it sends and reads on them, until its time is over.

As a program it plays shapes for a test: a line in is the name of a shape and its seconds, a line out says that it is
over.  Root becomes nobody for that.
"""

from __future__ import annotations

import json
import os
import resource
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

_PIECE = 256 * 1024
_NOBODY = 65534


class Attack:
    """One client at work, with so many seconds.  A method returns early where they are over; all it opened is closed
    by :meth:`close`."""

    def __init__(self, path: str, ident: str, seconds: float) -> None:
        self.ident = ident
        self._path = path
        self._until = time.monotonic() + seconds
        self._opened: list[socket.socket] = []

    @property
    def goes_on(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self._until

    def times(self, number: int) -> Iterator[int]:
        """So often, or until the time is over."""
        for n in range(number):
            if not self.goes_on:
                return
            yield n

    def connect(self) -> socket.socket:
        """A connection."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(0.2)
        self._opened.append(made)
        with suppress(OSError):  # Refused, or nobody takes it: then nothing is sent either.
            made.connect(self._path)
        return made

    def close(self) -> None:
        """Close all connections."""
        for made in self._opened:
            made.close()
        self._opened.clear()

    def send(self, on: socket.socket, data: bytes) -> bool:
        """Send all of it; false where the service does not take it."""
        view = memoryview(data)
        while view and self.goes_on:
            try:
                view = view[on.send(view[:_PIECE]) :]
            except TimeoutError:
                continue
            except OSError:
                return False
        return not view

    def read(self, on: socket.socket) -> bytes:
        """One answer; what there is of it where the connection or the time ends."""
        got = b""
        while self.goes_on:
            head, found, body = got.partition(b"\r\n\r\n")
            if found and len(body) >= length_of(head):
                break
            try:
                more = on.recv(_PIECE)
            except TimeoutError:
                continue
            except OSError:
                break
            if not more:
                break
            got += more
        return got

    def ask(self, request: bytes, *, on: socket.socket | None = None) -> bytes:
        """Send a request, and read its answer."""
        own = on or self.connect()
        self.send(own, request)
        answer = self.read(own)
        if on is None:
            own.close()
            self._opened.remove(own)
        return answer

    def ask_again(self, request: bytes) -> None:
        """Ask the same until the time is over, on one connection as long as that lasts."""
        on = self.connect()
        while self.goes_on:
            if not self.ask(request, on=on):
                on.close()
                on = self.connect()

    def rest(self) -> None:
        """Do nothing until the time is over, and take no answer."""
        time.sleep(max(0.0, self._until - time.monotonic()))

    def read_all(self) -> None:
        """Read what comes on all connections, until the time is over or nothing has come for a while."""
        poll = select.poll()
        by_fd = {made.fileno(): made for made in self._opened if made.fileno() >= 0}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        while self.goes_on and (ready := poll.poll(100)):
            for fd, _ in ready:
                with suppress(OSError):
                    if by_fd[fd].recv(_PIECE):
                        continue
                poll.unregister(fd)


def length_of(head: bytes) -> int:
    """How long the body is that follows these headers."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def get(target: str, *headers: str) -> bytes:
    """A GET."""
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: x", *headers, "\r\n"]).encode("latin-1")


def post(target: str, body: bytes, kind: str = "application/xml") -> bytes:
    """A POST with its body."""
    return (
        f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


def main() -> None:
    """Play what is asked for, until the input ends."""
    from tests.integration.client_shapes import SHAPES

    _, path, ident = sys.argv
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    plays: dict[str, Callable[[Attack], None]] = {shape.name: shape.play for shape in SHAPES}
    for line in sys.stdin:
        name, seconds = json.loads(line)
        attack = Attack(path, ident, seconds)
        plays[name](attack)
        attack.close()
        sys.stdout.write(json.dumps(name) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
