"""A client of the service: synchronous, over its unix socket, in plain Python.

A command that asks one question is over in less time than pydantic takes to load, so nothing heavy is imported here;
``http.client`` is left out too, as it brings the e-mail parser and OpenSSL (40 ms) and takes longer to read the
service's five headers (130 µs) than the service needs to answer.  What is understood of HTTP is what the service
speaks: a status, headers with a ``content-length``, a body of JSON.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, Self

from prober.errors import ServiceError
from prober.service.routes import Route

#: No answer of the service comes near this size (bytes).
MAX_RESPONSE_BYTES = 64 << 20
#: As long as an interview may take, and then some (seconds).
TIMEOUT_S = 90.0

#: For a route that has no such parameters.
NOTHING: Mapping[str, str] = {}

_MAX_HEAD = 65536
#: Below the size from which malloc asks the kernel for each piece.
CHUNK = 1 << 15
_HEAD_END = b"\r\n\r\n"
#: As many digits as a length may have.
_DIGITS = 15


class _ClosedError(ConnectionError):
    """The service closed the connection before it answered."""


class Reply(NamedTuple):
    """An answer: the HTTP status, and the JSON value; of an error that is a problem object (RFC 9457)."""

    status: int
    value: Any

    @property
    def ok(self) -> bool:
        """Whether the service did what it was asked."""
        return 200 <= self.status < 300


class Client:
    """Asks the service on one socket; keeps its connection.  A context manager, or closed by hand.

    Where the service is over TCP, :class:`prober.service.tls.client.TlsClient` has another way to connect and to send,
    and other words for what fails.  ``timeout`` (seconds) is for one whole question and its answer, ``max_response``
    (bytes) for the answer's body.
    """

    def __init__(
        self,
        socket_path: str | os.PathLike[str],
        *,
        timeout: float = TIMEOUT_S,
        max_response: int = MAX_RESPONSE_BYTES,
    ) -> None:
        self.socket_path = os.fspath(socket_path)
        #: As whom the service is addressed.
        self._host = "localhost"
        self._timeout = timeout
        self._max_response = max_response
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def get(self, path: str) -> Reply:
        """Ask; ``path`` has its query, quoted.

        :raise ServiceError: where there is no service, or it does not answer as it should.
        """
        return self._ask("GET", path, b"", "")

    def fetch(self, path: str) -> tuple[int, bytes]:
        """The status and the bytes of an answer that need not be JSON.

        :raise ServiceError: where there is no service, or it does not answer as it should.
        """
        return self._fetch("GET", path, b"", "")

    def post(self, path: str, body: bytes = b"", content_type: str = "application/xml") -> Reply:
        """Send a body and get the answer.

        :raise ServiceError: where there is no service, or it does not answer as it should.
        """
        return self._ask("POST", path, body, f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n")

    def ask(
        self,
        route: Route,
        places: Mapping[str, str] = NOTHING,
        query: Mapping[str, str] = NOTHING,
        body: bytes = b"",
        kind: str = "",
    ) -> Reply:
        """Ask what a route is for, with the parameters of its path and of its query.

        A body is of this ``kind`` (a media type), where none is named of the first that the route has.

        :raise ServiceError: where there is no service, or it does not answer as it should.
        """
        url = route.url(places, query)
        if route.method == "GET":
            return self.get(url)
        return self.post(url, body, kind or (route.body.kind if route.body else "application/xml"))

    def _ask(self, method: str, path: str, body: bytes, headers: str) -> Reply:
        status, content = self._fetch(method, path, body, headers)
        try:
            return Reply(status, json.loads(content))
        except (ValueError, RecursionError) as error:
            self.close()
            raise self._strange("is not JSON") from error

    def _fetch(self, method: str, path: str, body: bytes, headers: str) -> tuple[int, bytes]:
        if not (path.startswith("/") and path.isascii() and path.isprintable() and " " not in path):
            raise ServiceError(f"{path!r} is not a quoted path")
        request = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n{headers}\r\n".encode() + body
        deadline = time.monotonic() + self._timeout
        reused = self._socket is not None
        try:
            try:
                return self._exchange(request, deadline)
            except ConnectionError:
                self.close()
                if not reused:
                    raise
                # The service has closed a connection that was idle, perhaps as it was started anew: nothing was done.
                return self._exchange(request, deadline)
        except OSError as error:
            self.close()
            raise self._explain(error) from error
        except BaseException:
            self.close()
            raise

    def _exchange(self, request: bytes, deadline: float) -> tuple[int, bytes]:
        if self._socket is None:
            self._socket = self._connect(deadline)
        self._socket.settimeout(left_until(deadline))
        self._send(self._socket, request)
        status, content, closes = self._receive(self._socket, deadline)
        if closes:
            self.close()
        return status, content

    def _send(self, target: socket.socket, request: bytes) -> None:
        with suppress(BrokenPipeError):  # The service may answer (413) and close before it has taken all of the body.
            target.sendall(request)

    def _connect(self, deadline: float) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.settimeout(left_until(deadline))
            made.connect(self.socket_path)
        except BaseException:
            made.close()
            raise
        return made

    def _receive(self, source: socket.socket, deadline: float) -> tuple[int, bytes, bool]:
        """Status, body, and whether the connection ends with this answer."""
        reader = AnswerReader(self.socket_path, self._max_response)
        while not reader.take(_received(source, deadline)):
            pass
        return reader.answer()

    def _strange(self, what: str) -> ServiceError:
        return strange_answer(self.socket_path, what)

    def _explain(self, error: OSError) -> ServiceError:
        return explain_failure(error, self.socket_path, self._timeout)


class AnswerReader:
    """Puts one answer together of the bytes that come on ``where``, of a body of at most ``most`` bytes."""

    def __init__(self, where: str, most: int) -> None:
        self._where = where
        self._most = most
        self._data = bytearray()
        #: What the head tells, once it is there, and where the body begins.
        self._told: tuple[int, int, bool] | None = None
        self._start = 0

    def take(self, data: bytes) -> bool:
        """Some bytes came, none at the end of the connection; whether the answer is whole.

        :raise ServiceError: where it is none of prober's service, or too large.
        :raise ConnectionError: where the connection ended before it was whole.
        """
        if not data:
            raise _ClosedError("the connection was closed before the answer was complete")
        self._data += data
        if self._told is None and not self._read_head():
            return False
        assert self._told is not None
        missing = self._start + self._told[1] - len(self._data)
        if missing < 0:
            raise strange_answer(self._where, "has more bytes than it says")
        return missing == 0

    def answer(self) -> tuple[int, bytes, bool]:
        """The status, the body, and whether the connection ends with this answer, once it is whole."""
        assert self._told is not None
        status, _, closes = self._told
        return status, bytes(self._data[self._start :]), closes

    def _read_head(self) -> bool:
        end = self._data.find(_HEAD_END)
        if end < 0:
            if len(self._data) > _MAX_HEAD:
                raise strange_answer(self._where, "begins with more than 64 KiB of headers")
            return False
        self._start = end + len(_HEAD_END)
        self._told = read_head(bytes(self._data[:end]))
        if self._told is None:
            raise strange_answer(self._where, "is not what prober's service sends")
        if self._told[1] > self._most:
            raise strange_answer(self._where, f"is larger than {self._most} bytes")
        return True


def strange_answer(where: str, what: str) -> ServiceError:
    """That an answer is none of prober's service."""
    return ServiceError(f"the answer on {where} {what}", hint="is this prober's socket?")


def explain_failure(error: OSError, where: str, timeout: float) -> ServiceError:
    """Why there was no answer on a socket within ``timeout`` seconds."""
    if isinstance(error, FileNotFoundError):
        return ServiceError(f"there is no service on {where}", hint="is it running? `prober serve` starts it")
    if isinstance(error, ConnectionRefusedError):
        return ServiceError(f"nobody answers on {where}", hint="is the service running? `prober serve` starts it")
    if isinstance(error, PermissionError):
        return ServiceError(f"{where} may not be used", hint="are you in the group that the socket belongs to?")
    if isinstance(error, TimeoutError):
        return ServiceError(f"no answer on {where} within {timeout:g} seconds")
    return ServiceError(f"asking the service on {where} failed: {error.strerror or error}")


def read_head(head: bytes) -> tuple[int, int, bool] | None:
    """What the head of an answer tells: the status, the bytes of the body, and whether the connection ends with it.

    None where it is not what prober's service sends.  ``head`` has no empty line behind it.
    """
    first, *headers = head.split(b"\r\n")
    status, total = _status(first), _length(headers)
    if status is None or total is None:
        return None
    return status, total, any(value.lower() == b"close" for value in _values(headers, b"connection"))


def _status(line: bytes) -> int | None:
    """The status that a status line tells (``HTTP/1.1 200 OK``)."""
    version, _, rest = line.partition(b" ")
    code, _, _ = rest.partition(b" ")
    return int(code) if version in (b"HTTP/1.0", b"HTTP/1.1") and len(code) == 3 and code.isdigit() else None


def _length(headers: list[bytes]) -> int | None:
    """The length of the body, as the headers tell it."""
    told = (int(value) for value in _values(headers, b"content-length") if value.isdigit() and len(value) <= _DIGITS)
    return next(told, None)


def _values(headers: list[bytes], name: bytes) -> Iterator[bytes]:
    """What the headers of this name (lower case) say."""
    for header in headers:
        found, colon, value = header.partition(b":")
        if colon and found.lower() == name:
            yield value.lstrip(b" ")


def left_until(deadline: float) -> float:
    """The seconds that are left until then, by the monotonic clock.

    :raise TimeoutError: where none are.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _received(source: socket.socket, deadline: float) -> bytes:
    """Some bytes, none at the end; many small steps together take no longer than one may."""
    source.settimeout(left_until(deadline))
    return source.recv(CHUNK)
