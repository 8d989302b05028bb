"""A service that runs in a thread of the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

#: Seconds that beginning and ending may take; a fault shows long before.
_PATIENCE = 60.0


@contextmanager
def in_thread(serve: Callable[[Callable[..., Awaitable[None]]], Coroutine[Any, Any, None]]) -> Iterator[None]:
    """What ``serve`` makes of its ``on_ready`` runs, and is ready; it is cancelled at the end, and its own error is
    raised here.  No task of it may be left then."""
    ready = threading.Event()
    began: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []
    failed: list[BaseException] = []

    async def on_ready(*_: object) -> None:
        ready.set()

    async def main() -> None:
        task = asyncio.create_task(serve(on_ready))
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
        assert ready.wait(_PATIENCE)
        if failed:
            raise failed[0]
        yield
    finally:
        if thread.is_alive():
            loop, task = began[0]
            with suppress(RuntimeError):  # It has ended meanwhile.
                loop.call_soon_threadsafe(task.cancel)
        thread.join(_PATIENCE)
        assert not thread.is_alive()
    if failed:
        raise failed[0]
