"""TLS on one connection, and HTTP in it.

Python's own way to serve TLS says nothing to a client whose certificate does not count, and counts nobody who has not
shown one.  Here the handshake is done in memory (:class:`ssl.SSLObject`): a client is counted from its first moment,
hears why it is let go (an alert of TLS, or 403 where its certificate is good and its name is on no list), and what is
held for it is what is held for any client.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from contextlib import suppress
from typing import Any, cast

from prober.errors import ForbiddenError
from prober.service.alarm import Alarm
from prober.service.logs.text import harmless
from prober.service.problems import problem
from prober.service.protocol import HttpConnection
from prober.service.tls.gate import Gate
from prober.service.tls.names import Certificate, CertificateName, names_of
from prober.service.users import User

log = logging.getLogger(__name__)

#: How much is read at once: what a record has at most.
_PIECE = 16384

#: How long (seconds) a client has to take its last answer and close, which it would lose where we closed first.
_LINGER_S = 2.0

#: So many names of a certificate are told.
_TOLD = 3


class TlsConnection(asyncio.Protocol):
    """One client's connection; ``name`` is who it is, empty until that is known."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = gate.context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._transport: asyncio.Transport
        self._stranger: User | None = None
        self._inside: HttpConnection | None = None
        self._alarm = Alarm()
        self._expiry = Alarm()
        self._is_paused = False
        self.is_leaving = False
        self.name = ""

    @property
    def is_answering(self) -> bool:
        """Whether a request of it is being answered."""
        return self._inside is not None and self._inside.is_answering

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody came."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own has no such base.
        self._transport.set_write_buffer_limits(high=0)
        peer = transport.get_extra_info("peername") or ("",)  # None where it has gone already.
        fd = transport.get_extra_info("socket").fileno()
        self._stranger = self._gate.enter(self, str(peer[0]), fd)
        if self._stranger is None:
            self._gate.serving.count_unread("connections", None, "file descriptors run short")
            self.abort()
            return
        self._alarm.start(self._gate.serving.settings.request_s, self._on_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """It went."""
        self._alarm.stop()
        self._expiry.stop()
        self.is_leaving = True
        self._gate.leave(self, self._stranger)
        if self._inside is not None:
            self._inside.connection_lost(exc)
            self._inside = None

    def data_received(self, data: bytes) -> None:
        """Some bytes came; what comes behind the end is dropped."""
        if self.is_leaving:
            return
        self._incoming.write(data)
        if self._inside is None:
            self._shake()
        self.read()

    def pause_writing(self) -> None:
        """The client does not read."""
        if self._inside is not None:
            self._inside.pause_writing()

    def resume_writing(self) -> None:
        """It reads again."""
        if self.is_leaving:
            self._linger()
        if self._inside is not None:
            self._inside.resume_writing()

    def shut_down(self) -> None:
        """Close it."""
        self.leave()

    def abort(self) -> None:
        """Close it at once."""
        self.is_leaving = True
        self._transport.abort()

    def leave(self) -> None:
        """Close it, once the client has all that was written, or had the time for it."""
        if self.is_leaving:
            return
        self.is_leaving = True
        with suppress(ssl.SSLError):  # The other side has not said the same yet, or nothing was agreed upon.
            self._tls.unwrap()
        self._flush()
        if self._transport.is_closing():
            return
        self._transport.write_eof()
        self._linger()
        self.set_reading(True)  # That the client closes is to be noticed.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes of the inner protocol."""
        if self.is_leaving:
            return
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            self._break_off(error)
            return
        self._flush()

    def read(self) -> None:
        """Hand on what came, as far as it is wanted."""
        while self._inside is not None and not self._is_paused and not self.is_leaving:
            try:
                data = self._tls.read(_PIECE)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                data = b""
            except ssl.SSLError as error:
                self._break_off(error)
                return
            if not data:  # The client has said that it will send no more.
                self.leave()
                return
            self._inside.data_received(data)
        self._flush()  # What TLS itself answers.

    def set_reading(self, wanted: bool) -> None:
        """Whether more of the client is wanted."""
        if self._is_paused is not wanted or self._transport.is_closing():
            return
        self._is_paused = not wanted
        if wanted:
            self._transport.resume_reading()
            asyncio.get_running_loop().call_soon(self.read)
        else:
            self._transport.pause_reading()

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            self._break_off(error)
        else:
            self._flush()
            self._look_at(self._tls.getpeercert() or {})

    def _look_at(self, certificate: Certificate) -> None:
        """Who it is, is known."""
        names = names_of(certificate)
        name = self._gate.allow.find(names)
        if name is None:
            self._refuse(names)
            return
        if self._stranger is not None:
            self._gate.let_in(self, self._stranger)
        self._alarm.stop()
        self.name = name
        self._inside = HttpConnection(self._gate.serving, name)
        # A connection lasts no longer than the certificate that it was let in by; what is being answered is answered.
        left = ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()
        self._expiry.start(max(0.0, left), self._inside.shut_down)
        self._inside.connection_made(_Within(self, self._transport))

    def _refuse(self, names: list[CertificateName]) -> None:
        """It shows a good certificate, of somebody who may not ask."""
        told = ", ".join(f"{kind} {harmless(value, 80)}" for kind, value in names[:_TOLD]) or "nobody"
        said = f"the certificate is that of {told}, who may not ask here"
        hint = "whoever runs this reader names those who may (fleet.allow)"
        ident = self._gate.serving.count_unread(ForbiddenError.kind, 403, said)
        response = problem(403, said, hint=hint, kind=ForbiddenError.kind)
        self.write(response.encode(keep_alive=False, request_id=ident))
        self.leave()

    def _on_slow(self) -> None:
        seconds = self._gate.serving.settings.request_s
        self._gate.serving.count_unread("slow", None, f"TLS was not agreed upon within {seconds:g} seconds")
        self.abort()

    def _break_off(self, error: ssl.SSLError) -> None:
        """TLS ends here; what it has to say of that is said."""
        why = getattr(error, "verify_message", "") or error.reason or str(error)
        self._gate.serving.count_unread("tls", None, f"TLS fails: {harmless(str(why), 200)}")
        self.leave()

    def _linger(self) -> None:
        is_read = not self._transport.get_write_buffer_size()
        self._alarm.start(_LINGER_S if is_read else self._gate.serving.settings.response_s, self.abort)

    def _flush(self) -> None:
        if (data := self._outgoing.read()) and not self._transport.is_closing():
            self._transport.write(data)


class _Within(asyncio.Transport):
    """What the inner protocol takes for its transport."""

    def __init__(self, owner: TlsConnection, below: asyncio.Transport) -> None:
        super().__init__()
        self._owner, self._below = owner, below

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._below.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._owner.write(data)

    def close(self) -> None:
        self._owner.leave()

    def abort(self) -> None:
        self._owner.abort()

    def is_closing(self) -> bool:
        return self._owner.is_leaving or self._below.is_closing()

    def pause_reading(self) -> None:
        self._owner.set_reading(False)

    def resume_reading(self) -> None:
        self._owner.set_reading(True)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._below.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._below.get_write_buffer_size()
