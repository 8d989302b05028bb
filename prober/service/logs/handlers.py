"""Where lines go: to the journal by its own protocol, or to a stream.

The protocol (systemd's JOURNAL_NATIVE_PROTOCOL) is one datagram a line, of fields: ``NAME=value``, or, where a value
has newlines, ``NAME``, its length as 64 bits and the value.  Nobody waits for the journal: a line that it does not
take at once is lost, and counted.
"""

from __future__ import annotations

import errno
import logging
import socket
import struct
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from prober.service.logs.text import as_logfmt, harmless, log_fields, sentence_of, traceback_of

JOURNAL = "/run/systemd/journal/socket"

#: syslog(3), which the journal has its priorities from.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG = 7

#: So many lines may come at once, and so many a second for long; warnings and worse have as many of their own.
BURST, PER_SECOND = 200, 50

#: What is logged of each request, where somebody wants that; then he wants all of it.
ACCESS_LOG = "prober.access"

#: The journal is there, and is too busy to take a line.
_BUSY = (errno.EAGAIN, errno.ENOBUFS)


class Allowance:
    """How many lines may be written: a bucket of ``burst``, into which ``per_second`` are dropped."""

    def __init__(self, burst: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._left, self._seen = burst, clock()

    def take(self) -> bool:
        """Whether one more may be written now."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._seen) * self._per_second)
        self._seen = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class BoundedHandler(logging.Handler, ABC):
    """Writes only so many lines a second, but for those of :data:`ACCESS_LOG`: a client that causes one with each
    request shall not fill the disk.

    ``lost`` is how many were not written.  The next one that is says so before.
    """

    def __init__(self, *, burst: float = BURST, per_second: float = PER_SECOND) -> None:
        super().__init__()
        self.lost = 0
        self._unsaid = 0
        self._allowances = {loud: Allowance(burst, per_second) for loud in (False, True)}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or count it as lost.  Called with the handler's lock held."""
        is_bounded = record.name != ACCESS_LOG
        if is_bounded and not self._allowances[record.levelno >= logging.WARNING].take():
            self._lose()
            return
        try:
            taken = self._say_what_is_lost(record.name) and self.write(record)
        except Exception:  # noqa: BLE001 - a line is never worth what it is about
            taken = False
        if not taken:
            self._lose()

    def _say_what_is_lost(self, name: str) -> bool:
        """Say how many lines were left out, where some were; whether what comes next can be written."""
        if not self._unsaid:
            return True
        text = f"{self._unsaid} lines were left out: there were too many"
        if not self.write(logging.makeLogRecord({"name": name, "levelno": logging.WARNING, "msg": text})):
            return False
        self._unsaid = 0
        return True

    def _lose(self) -> None:
        self.lost += 1
        self._unsaid += 1

    @abstractmethod
    def write(self, record: logging.LogRecord) -> bool:
        """Write a line; False, or whatever is raised, where it is lost."""


class StreamHandler(BoundedHandler):
    """Writes to a stream: ``INFO prober.service.server: ready on … event=ready``.

    With ``marked`` a line begins as systemd has it on a stream of its own (sd-daemon(3)): ``<6>`` and the sentence.  A
    traceback follows, indented, so that none of its lines looks like one of ours.
    """

    def __init__(self, stream: TextIO, *, marked: bool = False) -> None:
        super().__init__()
        self._stream = stream
        self._marked = marked

    def write(self, record: logging.LogRecord) -> bool:
        """See :class:`BoundedHandler`."""
        mark = f"<{priority_of(record.levelno)}>" if self._marked else ""
        start = "" if self._marked else f"{logging.getLevelName(record.levelno)} {record.name}: "
        fields = as_logfmt(log_fields(record))
        lines = [f"{start}{sentence_of(record)}{'  ' if fields else ''}{fields}"]
        lines += [f"    {line}" for line in traceback_of(record)]
        self._stream.write("".join(f"{mark}{line}\n" for line in lines))
        self._stream.flush()
        return True


class JournalHandler(BoundedHandler):
    """Writes to the journal; where it is not there any more, to ``fallback``."""

    def __init__(self, fallback: BoundedHandler, path: str = JOURNAL) -> None:
        super().__init__()
        self._path = path
        self._fallback = fallback
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)

    def write(self, record: logging.LogRecord) -> bool:
        """See :class:`BoundedHandler`."""
        try:
            # By its path each time: the journal may be started anew meanwhile.
            self._socket.sendto(_datagram(record), self._path)
        except OSError as error:
            return error.errno not in _BUSY and self._fallback.write(record)
        return True

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        super().close()


def priority_of(level: int) -> int:
    """The journal's priority for a level of Python's."""
    return next((priority for least, priority in _PRIORITIES if level >= least), _DEBUG)


def _datagram(record: logging.LogRecord) -> bytes:
    fields = {
        "PRIORITY": str(priority_of(record.levelno)),
        "SYSLOG_IDENTIFIER": "prober",
        "MESSAGE": sentence_of(record),
        "LOGGER": record.name,
        "CODE_FILE": Path(record.pathname).name,
        "CODE_LINE": str(record.lineno),
        **{f"PROBER_{_name(name)}": value for name, value in log_fields(record).items()},
    }
    if lines := traceback_of(record):
        fields["PROBER_TRACEBACK"] = "\n".join(lines)
    return b"".join(_field(name, value) for name, value in fields.items())


def _name(name: str) -> str:
    """The journal takes capital letters, digits and underscores."""
    return "REQUEST_ID" if name == "request" else harmless(name).upper().replace("-", "_")


def _field(name: str, value: str) -> bytes:
    data = value.encode(errors="backslashreplace")
    if b"\n" not in data:
        return b"%s=%s\n" % (name.encode(), data)
    return b"%s\n%s%s\n" % (name.encode(), struct.pack("<Q", len(data)), data)
