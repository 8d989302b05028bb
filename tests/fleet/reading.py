"""A real reader on a real socket, in a thread of the test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prober.service.client import Client
from prober.service.fleet.server import ReaderSettings, serve_reader
from tests.in_thread import in_thread

#: Seconds that anything may take; a fault shows long before.
PATIENCE = 60.0


@contextmanager
def running_reader(settings: ReaderSettings) -> Iterator[Client]:
    """The reader, listening, and a client of it; it is cancelled at the end, and its own error is raised here."""
    with (
        in_thread(lambda on_ready: serve_reader(settings, on_ready=on_ready)),
        Client(settings.socket, timeout=PATIENCE) as client,
    ):
        yield client


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def until_ready(client: Client) -> None:
    """Wait until the reader knows what the store has."""
    until(lambda: client.get("/readyz").ok)
