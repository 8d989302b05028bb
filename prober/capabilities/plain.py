"""Reading a whole file of somebody's choice: bounded in size, and in time where it is none that lies on a disk."""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from pathlib import Path

#: So long (seconds) a pipe, a terminal or a device has for all that it gives.
_PATIENCE_S = 2.0

_PIECE = 65536


def read_plain(path: Path, most: int) -> bytes:
    """What a file has, and no more than one byte beyond ``most`` of it.  Blocks.

    A pipe may stand in its place (``--config <(…)``), and is given up where it has not come to its end after two
    seconds: one that nobody writes to would hold whoever opens it for ever.

    :raise OSError: where it cannot be read; :class:`TimeoutError` where it does not come to its end.
    :raise ValueError: where no file can have this name.
    """
    # Without O_NONBLOCK opening a pipe waits for somebody who writes; on a file it means nothing.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        waits = not stat.S_ISREG(os.fstat(fd).st_mode)
        until = time.monotonic() + _PATIENCE_S
        data = bytearray()
        while len(data) <= most:
            if waits:
                _wait(fd, until)
            piece = os.read(fd, min(_PIECE, most + 1 - len(data)))
            if not piece:
                break
            data += piece
        return bytes(data)
    finally:
        os.close(fd)


def _wait(fd: int, until: float) -> None:
    """Until there is something to read, or the end.

    A pipe that nobody has opened for writing yet is neither (pipe(7) has it read as empty, which it is not).
    """
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
        raise TimeoutError(errno.ETIMEDOUT, f"it has not come to its end after {_PATIENCE_S:g} seconds")
