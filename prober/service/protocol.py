"""HTTP/1.1 on one connection: requests are answered in order, one at a time, and whatever a client does, its connection
ends.

It ends with a request that cannot be read or is too much (:mod:`prober.service.reading`), that does not come to its end
(408), with more than is held for one user (503, :mod:`prober.service.users`), with a response that is not read, or with
nothing at all.  A body is kept only as far as its handler takes it (:mod:`prober.service.requests`); of one that no
handler reads, 64 KiB are taken before the connection is not read any further.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from functools import partial
from typing import cast

from prober.service.alarm import Alarm
from prober.service.logs.requests import HEADER, REQUEST_ID
from prober.service.messages import Request, Response
from prober.service.peers import Peer, has_hung_up, peer_of
from prober.service.problems import RETRY_S, problem
from prober.service.reading import RequestReader
from prober.service.serving import Serving
from prober.service.streaming import Pourer
from prober.service.users import User

log = logging.getLogger(__name__)

#: So many bytes of a body may lie here that nobody reads.
_UNREAD = 65536

#: What a request takes while it waits, beside the bytes that came.
_REQUEST_BYTES = 2048


class HttpConnection(asyncio.Protocol):
    """One client's connection.  ``name`` is who it is, where that is known already; else the kernel is asked."""

    def __init__(self, serving: Serving, name: str = "") -> None:
        self._serving = serving
        self._settings = serving.settings
        self._loop = asyncio.get_running_loop()
        self._reader = RequestReader(self, serving.settings.max_head)
        self._transport: asyncio.Transport
        self._user: User | None = None
        #: Who connected; None where the kernel does not tell.
        self.peer: Peer | None = None
        self.name = name
        #: Bytes that are held, and of them those that the client did not read.
        self._held = 0
        self._unread = 0
        #: The last request that came, and those that wait for their turn.
        self._last: Request | None = None
        self._waiting: deque[Request] = deque()
        #: Whether more of the client is wanted.
        self.is_reading = True
        self._drained: asyncio.Future[None] | None = None
        self._request_alarm = Alarm()
        self._response_alarm = Alarm()
        self._idle_alarm = Alarm()
        self._came = self._loop.time()
        self._pourer = Pourer(self._write, lambda: self._drained)
        #: Whether it sends no more, and waits for answers.
        self._has_eof = False
        #: Whether it got its last word.
        self.has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came; one too many, for which no idle one can be let go, is told so and let go."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own has no such base.
        # Whatever the kernel does not take is noticed, and counted as held.
        self._transport.set_write_buffer_limits(high=0)
        fd = self._transport.get_extra_info("socket").fileno()
        self._user = self._serving.enter(self, self.name or self.find_uid(fd), fd)
        if self._user is None:
            said = f"more than {self._serving.users.most} clients are connected, or file descriptors run short"
            self.refuse("connections", 503, said, "try again later")
            return
        self._request_alarm.start(self._settings.request_s, self._on_slow_request)

    def find_uid(self, fd: int) -> int | None:
        """Whose connection it is; None where nobody tells."""
        with suppress(OSError):
            self.peer = peer_of(fd)
        return None if self.peer is None else self.peer.uid

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went."""
        self._serving.connections.discard(self)
        if self._user is not None:
            self._serving.users.leave(self, self._user)
        for alarm in (self._request_alarm, self._response_alarm, self._idle_alarm):
            alarm.stop()
        self._abandon()
        self.hold(-self._held)
        self._go_on_writing()
        self._stop_pouring()
        # Nothing refers to itself any more: connections come and go by thousands, and need no collector.
        self.has_ended, self._last = True, None
        self._pourer.forget()
        self._reader.forget()
        del self._reader

    def data_received(self, data: bytes) -> None:
        """Some bytes came."""
        if self.has_ended or self._user is None:
            return
        # Also for an empty line between two requests, which stops the idle alarm and begins no request.
        if not self._request_alarm.runs and (self._last is None or self._last.is_answered):
            self._request_alarm.start(self._settings.request_s, self._on_slow_request)
        self._stop_being_idle()
        if self.hold(len(data)):
            if self._reader.take(data):
                self._user.run(self._read_on)
        else:
            self._refuse_held()

    def eof_received(self) -> bool:
        """The client sends no more, and is let go where nothing is to be answered.

        Else it may wait for that, if the kernel tells that it has not gone altogether, and it is not what never ends.
        """
        self._has_eof = self.is_answering and not self._pourer.is_pouring and not has_hung_up(self._transport)
        return self._has_eof

    def _read_on(self) -> None:
        """Read what came at once, as far as it is wanted; what is left after a while later, with others between."""
        if self.has_ended or self._user is None:
            return
        if self._reader.read():
            if self.is_reading and not self.has_ended:
                self._transport.resume_reading()
        else:
            self._transport.pause_reading()
            self._loop.call_soon(self._user.run, self._read_on)

    def on_begin(self) -> None:
        """A request begins."""
        if not self._request_alarm.runs:
            self._request_alarm.start(self._settings.request_s, self._on_slow_request)

    def on_head(self, request: Request) -> None:
        """The head of a request is there."""
        before, self._last = self._last, request
        if before is None or before.is_answered:
            self._start(request)
        else:
            self._pause_reading()
            self._waiting.append(request)
            request.held += _REQUEST_BYTES
            if not self.hold(_REQUEST_BYTES):
                self._refuse_held()

    def on_body(self, body: bytes) -> None:
        """Some of its body is there."""
        if self._last is not None and not self._last.is_answered and self._last.feed(body) > _UNREAD:
            self._pause_reading()

    def on_end(self) -> None:
        """The whole request is there."""
        self._request_alarm.stop()
        if self._last is not None:
            self._last.end()

    def on_bytes(self, number: int) -> None:
        """So many bytes were of the request that is under way."""
        if self._last is not None and not self._last.is_answered:
            self._last.held += number
        else:
            self.hold(-number)

    def on_upgrade(self) -> None:
        """What comes behind this request may be no HTTP.  Nobody has to follow that wish."""
        if self._last is not None:
            self._last.keep_alive = False

    def on_wanted(self, request: Request) -> None:
        """A handler reads the body."""
        if request.wants_continue:
            request.wants_continue = False
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._resume_reading()

    def pause_writing(self) -> None:
        """The client does not read what it asked for."""
        self._drained = self._loop.create_future()
        self._response_alarm.start(self._settings.response_s, self.abort)
        self._unread = self._transport.get_write_buffer_size()
        if self._user is not None:
            self._user.unread[self] = None
        if not self.hold(self._unread) and self._user is not None:
            self._user.drop_unread()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._response_alarm.stop()
        if self._user is not None:
            self._user.unread.pop(self, None)
        self.hold(-self._unread)
        self._unread = 0
        self._go_on_writing()

    def is_new(self, seconds: float) -> bool:
        """Whether the client has come within so many seconds, and no request of it yet."""
        return self._last is None and self._loop.time() - self._came < seconds

    def shut_down(self) -> None:
        """Close the connection, with its last answer where one is to come."""
        if self._last is None or self._last.is_answered:
            self._transport.close()
        else:
            self._last.keep_alive = False
            self._stop_pouring()

    def abort(self) -> None:
        """Close the connection at once."""
        self.has_ended = True
        self._transport.abort()

    @property
    def is_answering(self) -> bool:
        """Whether a whole request waits for its answer."""
        last = self._last
        return bool(self._waiting) or (last is not None and last.is_whole and not last.is_answered)

    def _start(self, request: Request) -> None:
        if self._user is not None:
            self._user.run(partial(self._begin, request))

    def _begin(self, request: Request) -> None:
        if request.is_gone:
            return
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
            request.held += len(response.body)
            if not self.hold(len(response.body)) and self._user is not None:
                self._user.drop_unread()
            await self._drained
        keep_alive = request.keep_alive and not response.close
        if not request.is_gone:
            with_body = request.method != "HEAD"
            self._write(response.encode(keep_alive=keep_alive, with_body=with_body, request_id=request.ident))
        if response.stream is not None:
            await self._pourer.pour(request, response.stream, chunks=keep_alive)
            keep_alive = keep_alive and request.keep_alive
        if request.is_gone:
            return
        request.is_answered = True
        self.hold(-request.held)
        request.held = 0
        if not keep_alive:
            self._transport.close()
        if not self._transport.is_closing():
            self._go_on()

    def _stop_pouring(self) -> None:
        if self._pourer.stop():
            self._transport.close()

    def _go_on(self) -> None:
        """The next request, or time for one to come."""
        self._stop_being_idle()
        if self._waiting:
            self._start(self._waiting.popleft())
        self._resume_reading()
        if self._last is not None and not self._last.is_answered:
            return
        if self._has_eof and self._reader.is_done:
            self._transport.close()
            return
        self._idle_alarm.start(self._settings.idle_s, self._transport.close)
        if self._user is not None and not self._reader.is_within:
            self._user.idle[self] = None

    def _stop_being_idle(self) -> None:
        if self._user is not None:
            self._user.idle.pop(self, None)
        self._idle_alarm.stop()

    def _on_slow_request(self) -> None:
        if not self.is_reading:  # It is we who do not read: an earlier request is being answered.
            self._request_alarm.start(self._settings.request_s, self._on_slow_request)
        else:
            self.refuse("slow", 408, f"the request took longer than {self._settings.request_s:g} seconds to arrive")

    def _refuse_held(self) -> None:
        hint = "send less at once, and read what is answered"
        self.refuse("held", 503, "too much of what you sent is not answered yet", hint)

    def hold(self, number: int) -> bool:
        """Note that so many bytes more are held, or fewer; false where that is more than this client may have."""
        self._held += number
        return self._user is None or self._user.hold(number)

    def refuse(self, kind: str, status: int, detail: str, hint: str = "") -> None:
        """Answer outside of the application, and close."""
        if self.has_ended:
            return
        self.has_ended = True
        ident = self._serving.count_unread(kind, status, detail)
        response = problem(status, detail, hint=hint)._replace(retry_s=RETRY_S if status == 503 else 0)
        self._write(response.encode(keep_alive=False, request_id=ident))
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
        if self.is_reading:
            self.is_reading = False
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self.is_reading or self._waiting:
            return
        self.is_reading = True
        if self._reader.is_done or self._user is None:
            self._transport.resume_reading()
        else:
            self._loop.call_soon(self._user.run, self._read_on)

    def _go_on_writing(self) -> None:
        if self._drained is not None:
            self._drained.set_result(None)
            self._drained = None
