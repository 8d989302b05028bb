"""How a service is told to stop, and to read its settings anew."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_STOP = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_event() -> Iterator[asyncio.Event]:
    """An event that SIGTERM or SIGINT sets; outside the main thread (in tests) nothing does."""
    with _event_of(_STOP) as stop:
        yield stop


@contextmanager
def reload_event() -> Iterator[asyncio.Event]:
    """An event that SIGHUP sets.

    Not where there is a terminal and no systemd: the signal says then that the terminal has gone, and ends the process.
    """
    with _event_of(() if _has_terminal() and "NOTIFY_SOCKET" not in os.environ else (signal.SIGHUP,)) as event:
        yield event


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError:
        return False
    return True


@contextmanager
def _event_of(numbers: tuple[signal.Signals, ...]) -> Iterator[asyncio.Event]:
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    handled = []
    for number in numbers:
        try:
            loop.add_signal_handler(number, event.set)
        except (ValueError, RuntimeError):
            continue
        handled.append(number)
    try:
        yield event
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
