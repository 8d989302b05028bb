"""What the service and a worker say to each other: frames of a head (a small JSON object) and a body (bytes)."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

_LENGTHS = struct.Struct("!II")

#: The most bytes of a head.
_MOST_HEAD = 1 << 20

#: So many bytes are asked of the kernel at once.
_CHUNK = 1 << 16


class WorkerFrame(NamedTuple):
    """One thing that is said."""

    head: Mapping[str, Any]
    body: bytes = b""


class BrokenFrameError(Exception):
    """What came is no frame, or a longer one than may come."""


def pack(frame: WorkerFrame) -> bytes:
    """A frame as it goes over the socket."""
    head = json.dumps(frame.head, separators=(",", ":")).encode()
    return _LENGTHS.pack(len(head), len(frame.body)) + head + frame.body


class FrameReader:
    """Takes bytes as they come, and gives the frames that are whole.  ``most`` bytes may a body have."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        """Some bytes came."""
        self._data += data

    def take(self) -> WorkerFrame | None:
        """The next frame, where it is whole.

        :raise BrokenFrameError: where what came is none.
        """
        if len(self._data) < _LENGTHS.size:
            return None
        head_length, body_length = _LENGTHS.unpack_from(self._data)
        if head_length > _MOST_HEAD or body_length > self._most:
            raise BrokenFrameError(f"a frame of {head_length} and {body_length} bytes")
        start = _LENGTHS.size + head_length
        end = start + body_length
        if len(self._data) < end:
            return None
        try:
            head = json.loads(bytes(self._data[_LENGTHS.size : start]))
        except ValueError as error:
            raise BrokenFrameError("a frame whose head is not JSON") from error
        if not isinstance(head, dict):
            raise BrokenFrameError("a frame whose head is no object")
        body = bytes(self._data[start:end])
        del self._data[:end]
        return WorkerFrame(head, body)


def receive(source: socket.socket, reader: FrameReader) -> WorkerFrame | None:
    """Wait for the next frame; None where the other side has ended.

    :raise BrokenFrameError: where what came is none.
    """
    while (frame := reader.take()) is None:
        data = source.recv(_CHUNK)
        if not data:
            return None
        reader.feed(data)
    return frame
