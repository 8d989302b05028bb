"""A real reader on a real socket, in a thread of the test."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from prober.service.client import Client
from prober.service.fleet.server import ReaderSettings, serve_reader

#: Seconds that anything may take; a fault shows long before.
PATIENCE = 60.0


@contextmanager
def running_reader(settings: ReaderSettings) -> Iterator[Client]:
    """The reader, listening, and a client of it; it is cancelled at the end, and its own error is raised here."""
    ready = threading.Event()
    began: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []
    failed: list[BaseException] = []

    async def on_ready() -> None:
        ready.set()

    async def main() -> None:
        task = asyncio.create_task(serve_reader(settings, on_ready=on_ready))
        began.append((asyncio.get_running_loop(), task))
        with suppress(asyncio.CancelledError):
            await task
        left = [other for other in asyncio.all_tasks() if other is not asyncio.current_task()]
        assert not left, left

    def target() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=target)
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        if failed:
            raise failed[0]
        with Client(settings.socket, timeout=PATIENCE) as client:
            yield client
    finally:
        if thread.is_alive():
            loop, task = began[0]
            with suppress(RuntimeError):  # It has ended meanwhile.
                loop.call_soon_threadsafe(task.cancel)
        thread.join(PATIENCE)
        assert not thread.is_alive()
    if failed:
        raise failed[0]


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def until_ready(client: Client) -> None:
    """Wait until the reader knows what the store has."""
    until(lambda: client.get("/readyz").ok)
