"""HTTP/1.1 on one connection, with bounds: what a client sends, how long it takes, and how many clients there are.

httptools reads, and what it reads is answered in order, one request at a time.  Whatever a client does, its connection
ends: a head that is too large (431), a request that does not come to its end (408), a response that is not read, or
nothing at all.  A body is kept only as far as its handler takes it (:mod:`prober.service.requests`); of one that no
handler reads, 64 KiB are taken before the connection is not read any further.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import cast
from urllib.parse import unquote

import httptools

from prober.service.application import Application
from prober.service.logs.access import tell_access
from prober.service.logs.requests import HEADER, REQUEST_ID, RequestIds
from prober.service.messages import Request, Response, Stream
from prober.service.metrics import families
from prober.service.metrics.tally import Sample, Tally
from prober.service.peers import Peer, peer_of
from prober.service.problems import problem, problem_bytes
from prober.service.settings import ServiceSettings

log = logging.getLogger(__name__)

#: So many bytes of a body may lie here that nobody reads.
_UNREAD = 65536


class Serving:
    """What all connections have in common, and which there are."""

    def __init__(
        self, application: Application, settings: ServiceSettings, tally: Tally, *, listener: str = "api"
    ) -> None:
        self.application = application
        self.settings = settings
        self.ids = RequestIds()
        self._tally = tally
        self._listener = listener
        self._made = 0
        tally.add_source(self._samples)
        self.connections: set[HttpConnection] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    def count_connection(self) -> None:
        """One was made."""
        self._made += 1

    def count(self, request: Request, response: Response) -> None:
        """A request has its answer."""
        seconds = time.perf_counter() - request.arrived if request.arrived else 0.0
        self._tally.answered(request.route, response.status, seconds)
        if self.settings.log_requests:
            tell_access(request, response, seconds)

    def count_unread(self, kind: str, status: int, detail: str) -> str:
        """A client is let go before it is understood; what this is called in logs."""
        self._tally.unread(kind, status)
        ident = self.ids.take()
        fields = {"event": "refusal", "kind": kind, "status": status, "listener": self._listener, "request": ident}
        log.info("a client is let go: %s", detail, extra={"fields": fields})
        return ident

    def _samples(self) -> Iterator[Sample]:
        labels = (self._listener,)
        yield Sample(families.CONNECTIONS, labels, len(self.connections))
        yield Sample(families.CONNECTIONS_MADE, labels, self._made)
        yield Sample(families.CONNECTIONS_MOST, labels, self.settings.max_connections)

    async def end(self, grace: float) -> None:
        """Close all connections, those that wait for an answer once they have it, or after ``grace`` seconds."""
        for connection in list(self.connections):
            connection.shut_down()
        deadline = time.monotonic() + grace
        while (self.tasks or self.connections) and time.monotonic() < deadline:  # noqa: ASYNC110 - it is over soon
            await asyncio.sleep(0.01)
        for task in list(self.tasks):
            task.cancel()
        for connection in list(self.connections):
            connection.abort()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class HttpConnection(asyncio.Protocol):
    """One client."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._settings = serving.settings
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        # A client may send more behind a request that says `Connection: close`; that request is answered all the same.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._transport: asyncio.Transport
        self._peer: Peer | None = None
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._in_head = True
        self._head_bytes = 0
        #: The last request that came, and those that wait for their turn.
        self._last: Request | None = None
        self._waiting: deque[Request] = deque()
        self._is_reading = True
        self._drained: asyncio.Future[None] | None = None
        self._request_timer: asyncio.TimerHandle | None = None
        self._response_timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        #: What sends the pieces of a body, where there is one.
        self._pouring: asyncio.Task[None] | None = None
        self._has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came; one too many is told so and let go."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own has no such base.
        self._serving.count_connection()
        if len(self._serving.connections) >= self._settings.max_connections:
            self._end(
                "connections",
                503,
                f"more than {self._settings.max_connections} clients are connected",
                "try again later",
            )
            return
        with suppress(OSError):
            self._peer = peer_of(self._transport.get_extra_info("socket").fileno())
        self._serving.connections.add(self)
        self._start_request_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went."""
        self._serving.connections.discard(self)
        for timer in (self._request_timer, self._response_timer, self._idle_timer):
            if timer is not None:
                timer.cancel()
        self._abandon()
        self._go_on_writing()
        self._stop_pouring()

    def data_received(self, data: bytes) -> None:
        """Some bytes came."""
        if self._has_ended:
            return
        # Also for an empty line between two requests, which stops the idle timer and begins no request.
        if self._request_timer is None and (self._last is None or self._last.is_answered):
            self._start_request_timer()
        if self._in_head:
            self._head_bytes += len(data)
        self._stop_idle_timer()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._end("http", 400, "Invalid HTTP request received.")
        except httptools.HttpParserUpgrade:
            pass  # Nobody has to follow that wish.
        if self._in_head and self._head_bytes > self._settings.max_head:
            self._refuse_head()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        self._url, self._headers = b"", []
        if self._request_timer is None:
            self._start_request_timer()

    def on_url(self, url: bytes) -> None:
        """Some of the URL is there."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is there."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head of a request is there."""
        if self._has_ended:
            return
        if len(self._url) + sum(len(name) + len(value) for name, value in self._headers) > self._settings.max_head:
            self._refuse_head()
            return
        self._in_head, self._head_bytes = False, 0
        before, self._last = self._last, self._read_head()
        if before is None or before.is_answered:
            self._start(self._last)
        else:
            self._pause_reading()
            self._waiting.append(self._last)

    def on_body(self, body: bytes) -> None:
        """Some of the body is there."""
        if self._has_ended or self._last is None or self._last.is_answered:
            return
        if self._last.feed(body) > _UNREAD:
            self._pause_reading()

    def on_message_complete(self) -> None:
        """The whole request is there."""
        if self._has_ended:
            return
        self._stop_request_timer()
        self._in_head, self._head_bytes = True, 0
        if self._last is not None:
            self._last.end()

    def pause_writing(self) -> None:
        """The client does not read what it asked for."""
        self._drained = self._loop.create_future()
        self._response_timer = self._loop.call_later(self._settings.response_s, self._transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._response_timer is not None:
            self._response_timer.cancel()
            self._response_timer = None
        self._go_on_writing()

    def shut_down(self) -> None:
        """Close the connection, with its last answer where one is to come."""
        if self._last is None or self._last.is_answered:
            self._transport.close()
        else:
            self._last.keep_alive = False
            self._stop_pouring()

    def abort(self) -> None:
        """Close the connection at once."""
        self._transport.abort()

    def _read_head(self) -> Request:
        url = httptools.parse_url(self._url)
        path = url.path.decode("ascii")
        return Request(
            self._parser.get_method().decode("ascii"),
            unquote(path) if "%" in path else path,
            url.query or b"",
            self._headers,
            self._on_wanted,
            keep_alive=self._parser.get_http_version() != "1.0" and self._parser.should_keep_alive(),
            peer=self._peer,
        )

    def _on_wanted(self, request: Request) -> None:
        """A handler reads the body."""
        if request.wants_continue:
            request.wants_continue = False
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._resume_reading()

    def _start(self, request: Request) -> None:
        task = self._loop.create_task(self._answer(request))
        self._serving.tasks.add(task)
        task.add_done_callback(self._serving.tasks.discard)

    async def _answer(self, request: Request) -> None:
        request.ident = self._serving.ids.take(request.header(HEADER))
        REQUEST_ID.set(request.ident)
        try:
            response = await self._serving.application.answer(request)
        except Exception:
            # The client is told so much, and the log has it whole.
            fault = f"{request.method} {request.path[:200]}: a fault in prober itself"
            log.exception("%s", fault, extra={"fields": {"event": "fault", "path": request.path}})
            await self._respond(request, problem(500, fault, hint="see its log"))
            self._transport.close()
        else:
            await self._respond(request, response)

    async def _respond(self, request: Request, response: Response) -> None:
        self._serving.count(request, response)
        if self._drained is not None and not request.is_gone:
            await self._drained
        keep_alive = request.keep_alive and not response.close
        if not request.is_gone:
            with_body = request.method != "HEAD"
            self._write(response.encode(keep_alive=keep_alive, with_body=with_body, request_id=request.ident))
        if response.stream is not None:
            await self._pour(request, response.stream, chunks=keep_alive)
            keep_alive = keep_alive and request.keep_alive
        if request.is_gone:
            return
        request.is_answered = True
        if not keep_alive:
            self._transport.close()
        if not self._transport.is_closing():
            self._go_on()

    async def _pour(self, request: Request, stream: Stream, *, chunks: bool) -> None:
        """Send a body in pieces, until it has no more, the client has gone, or the service is told to stop."""
        self._pouring = asyncio.current_task()
        try:
            if request.is_gone or request.method == "HEAD":
                return
            async for piece in stream:
                self._write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunks else piece)
                if self._drained is not None:
                    await asyncio.wait([self._drained])  # Not awaited itself: being stopped must not cancel it.
            if chunks:
                self._write(b"0\r\n\r\n")
        except Exception:
            log.exception("%s %s: a fault in prober itself", request.method, request.path[:200])
            request.keep_alive = False
        finally:
            self._pouring = None
            await stream.aclose()

    def _stop_pouring(self) -> None:
        if self._pouring is not None:
            self._pouring.cancel()
            self._transport.close()

    def _go_on(self) -> None:
        """The next request, or time for one to come."""
        self._stop_idle_timer()
        self._resume_reading()
        if self._waiting:
            self._start(self._waiting.popleft())
        else:
            self._idle_timer = self._loop.call_later(self._settings.idle_s, self._transport.close)

    def _start_request_timer(self) -> None:
        self._request_timer = self._loop.call_later(self._settings.request_s, self._on_slow_request)

    def _stop_request_timer(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _stop_idle_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None

    def _on_slow_request(self) -> None:
        self._request_timer = None
        if not self._is_reading:  # It is we who do not read: an earlier request is being answered.
            self._start_request_timer()
        else:
            self._end("slow", 408, f"the request took longer than {self._settings.request_s:g} seconds to arrive")

    def _refuse_head(self) -> None:
        self._end("head", 431, f"the request line and headers are larger than {self._settings.max_head} bytes")

    def _end(self, kind: str, status: int, detail: str, hint: str = "") -> None:
        """Answer outside of the application, and close."""
        if self._has_ended:
            return
        self._has_ended = True
        ident = self._serving.count_unread(kind, status, detail)
        self._write(problem_bytes(status, detail, hint, request_id=ident))
        self._abandon()
        self._transport.close()

    def _abandon(self) -> None:
        for request in (self._last, *self._waiting):
            if request is not None:
                request.abandon()
        self._waiting.clear()

    def _write(self, data: bytes) -> None:
        """Write, where the client is still there: uvloop raises RuntimeError for one that has gone."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def _pause_reading(self) -> None:
        if self._is_reading:
            self._is_reading = False
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            self._transport.resume_reading()

    def _go_on_writing(self) -> None:
        if self._drained is not None:
            self._drained.set_result(None)
            self._drained = None
