"""A client of the service: synchronous, over its unix socket, with the standard library alone.

Nothing heavy is imported here, as a command that asks one question is over in less time than pydantic takes to load.
"""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from types import TracebackType
from typing import Any, Self

from prober.errors import ServiceError

#: No answer of the service comes near this size (bytes).
MAX_RESPONSE_BYTES = 64 << 20
#: As long as an interview may take, and then some (seconds).
TIMEOUT_S = 90.0

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: the HTTP status, and the JSON value; of an error that is a problem object (RFC 9457)."""

    status: int
    value: Any

    @property
    def ok(self) -> bool:
        """Whether the service did what it was asked."""
        return 200 <= self.status < 300


class Client:
    """Asks the service on one socket; keeps its connection.  A context manager, or closed by hand.

    ``timeout`` (seconds) is for one whole question and its answer, ``max_response`` (bytes) for the answer's body.
    """

    def __init__(
        self,
        socket_path: str | os.PathLike[str],
        *,
        timeout: float = TIMEOUT_S,
        max_response: int = MAX_RESPONSE_BYTES,
    ) -> None:
        self.socket_path = os.fspath(socket_path)
        self._timeout = timeout
        self._max_response = max_response
        self._connection: _Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, path: str) -> Reply:
        """Ask; ``path`` has its query, quoted.

        :raise ServiceError: where there is no service, or it does not answer as it should.
        """
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: bytes = b"", content_type: str = "application/xml") -> Reply:
        """Send a body and get the answer.

        :raise ServiceError: where there is no service, or it does not answer as it should.
        """
        return self._ask("POST", path, body, {"Content-Type": content_type})

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        deadline = time.monotonic() + self._timeout
        reused = self._connection is not None
        try:
            try:
                return self._exchange(method, path, body, headers, deadline)
            except (ConnectionError, HTTPException):
                self.close()
                if not reused:
                    raise
                # The service has closed a connection that was idle, perhaps as it was started anew: nothing was done.
                return self._exchange(method, path, body, headers, deadline)
        except (OSError, HTTPException) as error:
            self.close()
            raise self._explained(error) from error
        except BaseException:
            self.close()
            raise

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str], deadline: float) -> Reply:
        if self._connection is None:
            self._connection = _Connection(self.socket_path)
        self._connection.deadline = deadline
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        content = self._read(response)
        if response.will_close:
            self.close()
        try:
            return Reply(response.status, json.loads(content))
        except (ValueError, RecursionError) as error:
            raise ServiceError(
                f"the answer of {self.socket_path} is not JSON", hint="is it prober's socket?"
            ) from error

    def _read(self, response: HTTPResponse) -> bytes:
        content = bytearray()
        while chunk := response.read(_CHUNK):
            content += chunk
            if len(content) > self._max_response:
                raise ServiceError(f"the answer of {self.socket_path} is larger than {self._max_response} bytes")
        return bytes(content)

    def _explained(self, error: OSError | HTTPException) -> ServiceError:
        where = self.socket_path
        if isinstance(error, FileNotFoundError):
            return ServiceError(f"there is no service on {where}", hint="is it running? `prober serve` starts it")
        if isinstance(error, ConnectionRefusedError):
            return ServiceError(f"nobody answers on {where}", hint="is the service running? `prober serve` starts it")
        if isinstance(error, PermissionError):
            return ServiceError(f"{where} may not be used", hint="are you in the group that the socket belongs to?")
        if isinstance(error, TimeoutError):
            return ServiceError(f"no answer on {where} within {self._timeout:g} seconds")
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
        return ServiceError(f"asking the service on {where} failed: {reason}")


class _Connection(HTTPConnection):
    """HTTP over a unix socket, each step within what is left until ``deadline`` (of the monotonic clock)."""

    deadline = 0.0

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        made = _Socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.owner = self
        try:
            made.settimeout(made.remaining())
            made.connect(self._path)
        except BaseException:
            made.close()
            raise
        self.sock = made


class _Socket(socket.socket):
    """A socket on which many small steps together take no longer than one may."""

    owner: _Connection

    def remaining(self) -> float:
        """The seconds that are left.

        :raise TimeoutError: where none are.
        """
        left = self.owner.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def recv_into(self, *arguments: Any) -> int:
        """Receive within what is left."""
        self.settimeout(self.remaining())
        return super().recv_into(*arguments)

    def sendall(self, *arguments: Any) -> None:
        """Send within what is left."""
        self.settimeout(self.remaining())
        super().sendall(*arguments)
