"""A real service on a real socket, in a thread of the test."""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from prober.capabilities.catalog import Catalog
from prober.capabilities.interviewer import Interviewer
from prober.service.server import serve
from prober.service.settings import ServiceSettings
from prober.service.workers.start import Nursery


def make_settings(directory: Path, catalog: dict[str, Any] | None = None, **more: Any) -> ServiceSettings:
    """Settings that touch nothing outside of the directory."""
    told = {"directories": [directory / "bin"], "qemu_kvm": None, "cache_dir": directory / "cache", **(catalog or {})}
    given = {"socket": directory / "s.sock", "prover_socket": None, "catalog": told, **more}
    return ServiceSettings.model_validate(given)


@cache
def shared_nursery() -> Nursery:
    """One for all services of this process: what the workers need is imported once."""
    made = Nursery.spawn()
    atexit.register(made.close)
    return made


@contextmanager
def running(settings: ServiceSettings, interviewer: Interviewer) -> Iterator[Path]:
    """The service, serving; it is cancelled at the end, and its own error is raised here."""
    nursery = shared_nursery()
    ready = threading.Event()
    began: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []
    failed: list[BaseException] = []

    async def on_ready(_: Catalog) -> None:
        ready.set()

    async def main() -> None:
        task = asyncio.create_task(serve(settings, interviewer=interviewer, on_ready=on_ready, nursery=nursery))
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
        assert ready.wait(20)
        if failed:
            raise failed[0]
        yield settings.socket
    finally:
        if thread.is_alive():
            loop, task = began[0]
            with suppress(RuntimeError):  # It has ended meanwhile.
                loop.call_soon_threadsafe(task.cancel)
        thread.join(20)
        assert not thread.is_alive()
    if failed:
        raise failed[0]
