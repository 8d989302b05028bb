"""A request and a response, as the handlers see them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple, Protocol, Self, TypeAlias

from pydantic import BaseModel

from prober.service.peers import Peer
from prober.service.routes import Route
from prober.service.users import Who


class ClientGoneError(Exception):
    """The client went away, or was let go, while its body was read; there is nobody to answer."""


class BodyTooLargeError(Exception):
    """The body has more bytes than its reader takes."""


class Stream(Protocol):
    """A body that comes in pieces, as long as the client is there.  It is closed in any case, read or not."""

    def __aiter__(self) -> Self: ...
    async def __anext__(self) -> bytes: ...
    async def aclose(self) -> None:
        """Nobody reads on.  May be called twice."""
        ...


class Response(NamedTuple):
    """An answer.

    ``allow`` are the methods of a path that has another (405), ``retry_s`` is after how many seconds to ask again
    (503); ``close`` ends the connection with it.  ``stream`` is the body of one that comes in pieces.  ``headers`` are
    what else stands above it.
    """

    status: int
    body: bytes
    media_type: str = "application/json"
    allow: str = ""
    close: bool = False
    retry_s: int = 0
    stream: Stream | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def encode(self, *, keep_alive: bool = True, with_body: bool = True, request_id: str = "") -> bytes:
        """The whole response in HTTP/1.1; one to HEAD, or with a stream, is without its body.

        The pieces of a stream are chunks, or all that comes until the connection ends where it is not kept alive.
        """
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            *(["connection: close"] if self.close else []),
            f"content-length: {len(self.body)}" if self.stream is None else _head_of_stream(keep_alive),
            f"content-type: {self.media_type}",
            *([f"allow: {self.allow}"] if self.allow else []),
            *([f"retry-after: {self.retry_s}"] if self.retry_s else []),
            *([f"x-request-id: {request_id}"] if request_id else []),
            *(f"{name}: {value}" for name, value in self.headers),
            *([] if keep_alive or self.close else ["connection: close"]),
            "\r\n",
        ]
        head = "\r\n".join(lines).encode()
        return head + self.body if with_body else head


def _head_of_stream(keep_alive: bool) -> str:
    return "cache-control: no-store" + ("\r\ntransfer-encoding: chunked" if keep_alive else "")


class Request:
    """What a client asks.

    ``peer`` is who asks, None where the kernel does not tell; ``name`` is that in a certificate, empty without one.
    ``path`` is unquoted, ``query_string`` as it came.
    ``places`` are the parameters of the path, ``query`` those of the query, once the route is found.  The body is there
    only for whoever reads it; the connection feeds it in, and is told by ``on_wanted`` that it is wanted.
    ``route`` is the row that answers, where there is one, ``ident`` what the request is called in logs, and ``arrived``
    when it was whole (``time.perf_counter()``; 0 where it is not yet).
    ``keep_alive``, ``wants_continue`` and ``is_answered`` are for the connection: whether it goes on after this,
    whether the client waits to be told that its body is wanted, and whether the answer is on its way; ``held`` are the
    bytes that count for it.  ``on_gone`` is called when the client goes away.
    """

    def __init__(
        self,
        method: str,
        path: str,
        query_string: bytes,
        headers: list[tuple[bytes, bytes]],
        on_wanted: Callable[[Request], None],
        *,
        keep_alive: bool,
        peer: Peer | None = None,
        name: str = "",
    ) -> None:
        self.method = method
        self.path = path
        self.query_string = query_string
        self.places: Mapping[str, str] = {}
        self.query: Mapping[str, str] = {}
        self.keep_alive = keep_alive
        self.peer = peer
        self.name = name
        self.route: Route | None = None
        self.ident = ""
        self.arrived = 0.0
        self.wants_continue = any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers)
        self.is_answered = False
        self.held = 0
        self.on_gone: Callable[[], object] | None = None
        self._headers = headers
        self._on_wanted = on_wanted
        self._body = bytearray()
        self._has_ended = False
        self._is_gone = False
        self._news: asyncio.Future[None] | None = None

    def header(self, name: bytes) -> str:
        """The first header of this name (lower case), or nothing."""
        for given, value in self._headers:  # A generator takes three times as long, and each request comes by here.
            if given == name:
                return value.decode("latin-1")
        return ""

    def every(self, name: bytes) -> list[str]:
        """All headers of this name (lower case), in their order."""
        return [value.decode("latin-1") for given, value in self._headers if given == name]

    @property
    def who(self) -> Who:
        """The user who asks."""
        return self.name or (None if self.peer is None else self.peer.uid)

    @property
    def is_gone(self) -> bool:
        """Whether nobody waits for an answer any more."""
        return self._is_gone

    @property
    def is_whole(self) -> bool:
        """Whether its body is there to the end."""
        return self._has_ended

    async def read(self, limit: int) -> bytes:
        """The whole body, once: it is not kept here.

        :raise BodyTooLargeError: where it has more than ``limit`` bytes.
        :raise ClientGoneError: where it does not come to its end.
        """
        while True:
            if self._is_gone:
                raise ClientGoneError
            self._on_wanted(self)
            if len(self._body) > limit:
                raise BodyTooLargeError
            if self._has_ended:
                body, self._body = bytes(self._body), bytearray()
                return body
            self._news = asyncio.get_running_loop().create_future()
            await self._news

    def feed(self, data: bytes) -> int:
        """Some of the body came; returns how many bytes lie here that nobody waits for."""
        self._body += data
        if self._news is None:
            return len(self._body)
        self._tell()
        return 0

    def end(self) -> None:
        """The body is whole."""
        self._has_ended = True
        self.arrived = time.perf_counter()
        self._tell()

    def abandon(self) -> None:
        """The client has gone, or is let go."""
        self._is_gone = True
        if self.on_gone is not None:
            self.on_gone()
        self._tell()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


def as_json(model: BaseModel) -> Response:
    """A model as an answer."""
    return Response(200, model.model_dump_json(by_alias=True).encode())
