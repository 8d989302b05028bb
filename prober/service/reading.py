"""Requests out of the bytes of one connection, with bounds.

httptools reads.  A head that is too large or has too many headers ends its connection (431), trailers likewise, and
what is no HTTP, or could be read in two ways (400).  Trailers are read and dropped.

What comes at once is fed in slices, and no further than to a request that has to wait for the one before it: so neither
the time that it holds the event loop nor what becomes of it grows with what a client sends ahead.
"""

from __future__ import annotations

import time
from typing import Protocol
from urllib.parse import unquote

import httptools

from prober.service.messages import Request
from prober.service.peers import Peer

#: A request has at most so many headers, and so many trailers.
MOST_HEADERS = 100

#: So many bytes are fed to the parser at once, and for so long (seconds) in one piece of work.
_SLICE = 2048
_SLICES_S = 0.0005


class Owner(Protocol):
    """The connection that reads, and is told what it read."""

    peer: Peer | None
    name: str
    is_reading: bool
    has_ended: bool

    def on_begin(self) -> None:
        """A request begins."""
        ...

    def on_head(self, request: Request) -> None:
        """Its head is there; ``request.held`` are its bytes."""
        ...

    def on_body(self, body: bytes) -> None:
        """Some of its body is there."""
        ...

    def on_bytes(self, number: int) -> None:
        """So many more bytes were read of it."""
        ...

    def on_end(self) -> None:
        """It is whole."""
        ...

    def on_upgrade(self) -> None:
        """It wishes to go on with another protocol."""
        ...

    def on_wanted(self, request: Request) -> None:
        """A handler reads its body."""
        ...

    def refuse(self, kind: str, status: int, detail: str) -> None:
        """End the connection with this."""
        ...


class RequestReader:
    """Reads for one connection, which calls :meth:`read` until all is read that :meth:`take` did not read at once.

    Its other methods are called by the parser.
    """

    def __init__(self, owner: Owner, max_head: int) -> None:
        self._owner = owner
        self._max_head = max_head
        self._parser = httptools.HttpRequestParser(self)
        # A client may send more behind a request that says `Connection: close`; that request is answered all the same.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._trailers = 0
        self._has_too_many = False
        self._in_head = True
        self._head_bytes = 0
        #: Bytes of which the owner was not told yet, and those since the last of a body.
        self._untold = 0
        self._silent = 0
        #: What was not read yet.
        self._rest: memoryview | None = None

    @property
    def is_done(self) -> bool:
        """Whether all is read that came."""
        return self._rest is None

    @property
    def is_within(self) -> bool:
        """Whether some of the next request came."""
        return self._head_bytes > 0 or self._rest is not None

    def take(self, data: bytes) -> bool:
        """Some bytes came; true where they are to be read by :meth:`read`, as they are many."""
        if self._rest is not None:
            self._rest = memoryview(bytes(self._rest) + data)
        elif len(data) > _SLICE:
            self._rest = memoryview(data)
        else:
            self._feed(data)
            return False
        return True

    def forget(self) -> None:
        """Nothing more is read: the parser, which knows this as this knows it, is let go."""
        self._rest = None
        del self._parser

    def read(self) -> bool:
        """Read on, as long as the owner wants it; false where it took too long and there is more."""
        until = time.perf_counter() + _SLICES_S
        while self._rest is not None and self._owner.is_reading and not self._owner.has_ended:
            if time.perf_counter() > until:
                return False
            piece, self._rest = self._rest[:_SLICE], self._rest[_SLICE:] or None
            self._feed(piece)
        return True

    def _feed(self, data: bytes | memoryview) -> None:
        size = len(data)
        self._untold += size
        self._silent += size
        if self._in_head:
            self._head_bytes += size
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._owner.refuse("http", 400, "Invalid HTTP request received.")
        except httptools.HttpParserUpgrade:
            self._owner.on_upgrade()
        if self._owner.has_ended:
            return
        if self._has_too_many:
            self._owner.refuse("head", 431, f"there are more than {MOST_HEADERS} headers or trailers")
        elif not self._in_head:
            if self._silent > self._max_head:
                self._owner.refuse(
                    "head", 431, f"between or behind a body's chunks are more than {self._max_head} bytes"
                )
            self._tell_bytes()
        elif self._head_bytes > self._max_head:
            self._refuse_head()

    def _tell_bytes(self) -> None:
        self._owner.on_bytes(self._untold)
        self._untold = 0

    def _refuse_head(self) -> None:
        self._owner.refuse("head", 431, f"the request line and headers are larger than {self._max_head} bytes")

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        self._url, self._headers, self._trailers = b"", [], 0
        self._owner.on_begin()

    def on_url(self, url: bytes) -> None:
        """Some of the URL is there."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is there, or a trailer, which is dropped."""
        if not self._in_head:
            self._trailers += 1
            self._has_too_many = self._has_too_many or self._trailers > MOST_HEADERS
        elif len(self._headers) < MOST_HEADERS:
            self._headers.append((name.lower(), value))
        else:
            self._has_too_many = True

    def on_headers_complete(self) -> None:
        """The head of a request is there."""
        if self._owner.has_ended or self._has_too_many:
            return
        if len(self._url) + sum(len(name) + len(value) for name, value in self._headers) > self._max_head:
            self._refuse_head()
            return
        if sum(name == b"host" for name, _ in self._headers) > 1:  # RFC 9112, 3.2: which host is meant?
            self._owner.refuse("http", 400, "Invalid HTTP request received.")
            return
        self._in_head, self._head_bytes, self._silent = False, 0, 0
        request = self._read_head()
        request.held, self._untold = self._untold, 0
        self._owner.on_head(request)

    def on_body(self, body: bytes) -> None:
        """Some of the body is there."""
        self._silent = 0
        if not self._owner.has_ended:
            self._owner.on_body(body)

    def on_message_complete(self) -> None:
        """The whole request is there."""
        if self._owner.has_ended:
            return
        self._in_head, self._head_bytes = True, 0
        self._tell_bytes()
        self._owner.on_end()

    def _read_head(self) -> Request:
        url = httptools.parse_url(self._url)
        path = url.path.decode("ascii")
        return Request(
            self._parser.get_method().decode("ascii"),
            unquote(path) if "%" in path else path,
            url.query or b"",
            self._headers if url.host is None else _addressed(url, self._headers),
            self._owner.on_wanted,
            keep_alive=self._parser.get_http_version() != "1.0" and self._parser.should_keep_alive(),
            peer=self._owner.peer,
            name=self._owner.name,
        )


def _addressed(url: httptools.parser.url_parser.URL, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of a request whose line names the host: that one counts, and not the header (RFC 9112, 3.2.2)."""
    host = url.host if url.port is None else b"%s:%d" % (url.host, url.port)
    return [(b"host", host), *(header for header in headers if header[0] != b"host")]
