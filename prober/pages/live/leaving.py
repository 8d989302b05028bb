"""A client of the service that another thread may have give up: the page that asked has gone."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from prober.service.client import CHUNK, AnswerReader, Client, Reply, left_until
from prober.service.watching import STEPS_TYPE

_HEAD_END = b"\r\n\r\n"


class LeavingClient(Client):
    """Asks as any client does, until :meth:`leave` is called."""

    _is_left = False

    def leave(self) -> None:
        """End what is under way, and whatever is asked from now on: each raises a ServiceError.  For another thread."""
        self._is_left = True
        made = self._socket
        if made is not None:
            with suppress(OSError):  # It is closed just now, or had gone already.
                made.shutdown(socket.SHUT_RDWR)

    def watch(self, path: str, body: bytes, kind: str, hear: Callable[[Any], object]) -> Reply:
        """Send a body as :meth:`post` does, and have each step of the answer heard as it comes.

        A service that tells none answers as ever.

        :raise ServiceError: where there is no service, or it does not answer as it should.
        """
        told = f"Content-Type: {kind}\r\nAccept: {STEPS_TYPE}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
        request = f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\n{told}\r\n".encode() + body
        self.close()
        deadline = time.monotonic() + self._timeout
        try:
            source = self._socket = self._connect(deadline)
            source.settimeout(left_until(deadline))
            self._send(source, request)
            return self._hear(source, deadline, hear)
        except OSError as error:
            raise self._explain(error) from error
        finally:
            self.close()

    def _hear(self, source: socket.socket, deadline: float, hear: Callable[[Any], object]) -> Reply:
        data = bytearray()
        while _HEAD_END not in data:
            data += self._some(source, deadline, len(data))
        head, _, rest = bytes(data).partition(_HEAD_END)
        if not _is_in_steps(head):
            return self._whole(source, deadline, bytes(data))
        size, left = len(data), bytearray(rest)
        while True:
            *lines, last = bytes(left).split(b"\n")
            for line in lines:
                told = self._line(line)
                if "step" not in told:
                    return Reply(told["status"], told.get("answer"))
                hear(told["step"])
            piece = self._some(source, deadline, size)
            size, left = size + len(piece), bytearray(last + piece)

    def _whole(self, source: socket.socket, deadline: float, data: bytes) -> Reply:
        """An answer without steps, of which this came."""
        reader = AnswerReader(self.socket_path, self._max_response)
        size = len(data)
        while not reader.take(data):
            data = self._some(source, deadline, size)
            size += len(data)
        status, content, _ = reader.answer()
        try:
            return Reply(status, json.loads(content))
        except (ValueError, RecursionError) as error:
            raise self._strange("is not JSON") from error

    def _some(self, source: socket.socket, deadline: float, size: int) -> bytes:
        """Some bytes more, where there were so many."""
        source.settimeout(left_until(deadline))
        piece = source.recv(CHUNK)
        if not piece:
            raise ConnectionError(0, "it ended before it answered")
        if size + len(piece) > self._max_response:
            raise self._strange(f"is larger than {self._max_response} bytes")
        return piece

    def _line(self, line: bytes) -> dict[str, Any]:
        """A step, or the last line."""
        try:
            told = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self._strange("is not JSON") from error
        if not isinstance(told, dict) or ("step" not in told and type(told.get("status")) is not int):
            raise self._strange("is not what prober's service sends")
        return told

    def _connect(self, deadline: float) -> socket.socket:
        self._require_asker()
        return super()._connect(deadline)

    def _send(self, target: socket.socket, request: bytes) -> None:
        # What was connected meanwhile had no socket yet that could be shut down.
        self._require_asker()
        super()._send(target, request)

    def _require_asker(self) -> None:
        if self._is_left:
            raise OSError(0, "nobody waits for the answer any more")


def _is_in_steps(head: bytes) -> bool:
    """Whether what follows this head is lines, as its type says."""
    return any(
        name.strip().lower() == b"content-type" and value.strip().lower() == STEPS_TYPE.encode()
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n"))
    )
