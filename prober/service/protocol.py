"""uvicorn's HTTP protocol, with bounds: what a client sends, how long it takes, and how many clients there are.

uvicorn bounds neither the size of headers nor the time of a request with httptools, and a client that reads nothing
holds its connection for ever.  Bodies are bounded where they are read (:mod:`prober.service.requests`): uvicorn
itself buffers 64 KiB of one and then stops reading.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from prober.service.problems import problem_bytes
from prober.service.settings import ServiceSettings


class BoundedProtocol(HttpToolsProtocol):
    """One connection.  :func:`bounded_protocol` makes a class of it that knows the settings."""

    settings: ClassVar[ServiceSettings]

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._request_timer: asyncio.TimerHandle | None = None
        self._response_timer: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0
        self._ended = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client came; one too many is told so and let go."""
        if len(self.connections) >= self.settings.max_connections:
            self.transport = transport
            self._end(503, f"more than {self.settings.max_connections} clients are connected", "try again later")
            return
        super().connection_made(_Transport(transport))  # type: ignore[arg-type]
        self._start_request_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went."""
        self._stop_request_timer()
        if self._response_timer is not None:
            self._response_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes came."""
        if self._ended:
            return
        # Also for an empty line between two requests, which stops uvicorn's timer and begins no request.
        if self._request_timer is None and (self.cycle is None or self.cycle.response_complete):
            self._start_request_timer()
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > self.settings.max_head:
            self._refuse_head()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        if self._request_timer is None:
            self._start_request_timer()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head of a request is there."""
        if self._ended:
            return
        head = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if head > self.settings.max_head:
            self._refuse_head()
            return
        self._in_head, self._head_bytes = False, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of the body is there."""
        if not self._ended:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The whole request is there."""
        if self._ended:
            return
        self._stop_request_timer()
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client does not read what it asked for."""
        super().pause_writing()
        self._response_timer = self.loop.call_later(self.settings.response_s, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._response_timer is not None:
            self._response_timer.cancel()
            self._response_timer = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What came is not HTTP."""
        self._end(400, msg)

    def _start_request_timer(self) -> None:
        self._request_timer = self.loop.call_later(self.settings.request_s, self._on_slow_request)

    def _stop_request_timer(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _on_slow_request(self) -> None:
        self._request_timer = None
        if self.flow.read_paused:  # It is we who do not read: an earlier request is being answered.
            self._start_request_timer()
        else:
            self._end(408, f"the request took longer than {self.settings.request_s:g} seconds to arrive")

    def _refuse_head(self) -> None:
        self._end(431, f"the request line and headers are larger than {self.settings.max_head} bytes")

    def _end(self, status: int, detail: str, hint: str = "") -> None:
        """Answer outside of the application, and close."""
        if self._ended:
            return
        self._ended = True
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(problem_bytes(status, detail, hint))
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


class _Transport:
    """A transport on which writing after the client has gone is nothing; uvloop's own raises RuntimeError."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


def bounded_protocol(settings: ServiceSettings) -> type[BoundedProtocol]:
    """The protocol class with these settings, for ``uvicorn.Config(http=…)``."""
    return type("Protocol", (BoundedProtocol,), {"settings": settings})
