"""The command's standard streams, so that whatever writes ends in the same way where that cannot be done.

An answer that cannot be written is an error of the command, by whomever it is written: by us, or by the parser, which
writes the help.  What is said on stderr may get lost: it is no answer, and the exit code is there still.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from prober.cli.exits import ExitCode
from prober.errors import OutputError

_USUAL = ("stdin", "stdout", "stderr")


@contextmanager
def guarded_streams() -> Iterator[None]:
    """Standard streams that are all there, and end the command as it should end where they do not take what is written.

    Those that somebody closed are opened on ``/dev/null``, or the next file would get their number.
    """
    kept = {name: getattr(sys, name) for name in _USUAL}
    opened = [_open(name) for name in _USUAL if kept[name] is None]
    sys.stdout = _Answers(sys.stdout, is_closed=kept["stdout"] is None)
    sys.stderr = _Words(sys.stderr)
    try:
        yield
    finally:
        for name, stream in kept.items():
            setattr(sys, name, stream)
        for stream in opened:
            stream.close()


def _open(name: str) -> TextIO:
    stream = Path(os.devnull).open("r" if name == "stdin" else "w")  # noqa: SIM115 - for the life of the command
    setattr(sys, name, stream)
    return stream


class _Stream:
    """A stream that writes for another one, which has all else that a stream has."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Answers(_Stream):
    """stdout.

    :raise SystemExit: quietly, with :attr:`ExitCode.broken_pipe`, where the reader has gone.
    :raise OutputError: where it cannot be written to for another reason: the disk is full, it ``is_closed``.
    """

    def __init__(self, stream: TextIO, *, is_closed: bool) -> None:
        super().__init__(stream)
        self._is_closed = is_closed
        self._has_failed = False

    def write(self, text: str) -> int:
        if self._is_closed and text:
            self._is_closed, self._has_failed = False, True
            raise OutputError("cannot write the answer: stdout is closed")
        try:
            return len(text) if self._has_failed else self._write_all(text)
        except OSError as error:
            raise self._failed(error) from error

    def _write_all(self, text: str) -> int:
        """Where Python does not buffer (PYTHONUNBUFFERED) it forgets what did not fit into a pipe or onto a disk."""
        raw = getattr(self._stream, "buffer", None)
        if not isinstance(raw, io.RawIOBase):
            return self._stream.write(text)
        data = memoryview(text.encode(self._stream.encoding, self._stream.errors or "strict"))
        while data:
            data = data[raw.write(data) or 0 :]
        return len(text)

    def flush(self) -> None:
        try:
            if not self._has_failed:
                self._stream.flush()
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> BaseException:
        """What has to be raised for it.  Python flushes stdout once more at its end, and would complain of the same."""
        self._has_failed = True
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self._stream.fileno())
        os.close(null)
        if isinstance(error, BrokenPipeError):
            return SystemExit(ExitCode.broken_pipe)
        return OutputError(f"cannot write the answer: {error.strerror or error}")


class _Words(_Stream):
    """stderr; what cannot be written there is lost."""

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()
