"""How a service is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_event() -> Iterator[asyncio.Event]:
    """An event that SIGTERM or SIGINT sets; outside the main thread (in tests) nothing does."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    handled = []
    for number in _SIGNALS:
        try:
            loop.add_signal_handler(number, stop.set)
        except (ValueError, RuntimeError):
            continue
        handled.append(number)
    try:
        yield stop
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
