"""Choosing where lines go, once, when a process begins."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from prober.service.logs.handlers import JOURNAL, BoundedHandler, JournalHandler, StreamHandler


def start_logging(
    level: int,
    *,
    stream: TextIO | None = None,
    environment: Mapping[str, str] = os.environ,
    journal: str = JOURNAL,
) -> BoundedHandler:
    """Log what prober says from this level on, and warnings of all others; the handler that does it.

    To the journal where ``stream`` (standard error) is one of its own, as systemd says in ``JOURNAL_STREAM``
    (systemd.exec(5)), and its socket is there; else to the stream.
    """
    stream = stream or sys.stderr
    ours = _is_of_journal(stream, environment.get("JOURNAL_STREAM", ""))
    handler: BoundedHandler = StreamHandler(stream, marked=ours)
    if ours and Path(journal).exists():
        handler = JournalHandler(handler, journal)
    root = logging.getLogger()
    for other in [*_ours()]:
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("prober").setLevel(level)
    return handler


def lines_lost() -> int:
    """How many lines this process did not write."""
    return sum(handler.lost for handler in _ours())


def _ours() -> Iterator[BoundedHandler]:
    return (handler for handler in logging.getLogger().handlers if isinstance(handler, BoundedHandler))


def _is_of_journal(stream: TextIO, told: str) -> bool:
    """Whether a stream has the device and inode that systemd names."""
    with suppress(OSError, ValueError):
        found = os.fstat(stream.fileno())
        return told == f"{found.st_dev}:{found.st_ino}"
    return False
