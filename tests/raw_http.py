"""Bytes sent to a service and read from it, for what no client of ours would send."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path


def connect(path: Path, timeout: float = 20.0) -> socket.socket:
    """A connection to a unix socket, on which nothing may take more than so many seconds."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(timeout)
    made.connect(str(path))
    return made


def everything(source: socket.socket) -> bytes:
    """All that comes until the service closes."""
    data = b""
    with suppress(ConnectionResetError):
        while chunk := source.recv(65536):
            data += chunk
    return data
