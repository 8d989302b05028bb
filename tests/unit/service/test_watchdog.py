"""systemd's watchdog is told that all is well only while all parts are alive: a real service and datagram socket."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from prober.capabilities import catalog as catalog_module
from prober.capabilities import watching
from prober.capabilities.catalog import Catalog, CatalogSettings
from prober.service.notify import Watched, keep_watchdog_quiet
from prober.service.server import serve
from tests.conftest import aio
from tests.integration.service_process import told_so_far
from tests.unit.service.running import make_settings

#: systemd's interval (seconds) in these tests, of which each half has its ping.
INTERVAL = 0.1


@pytest.fixture
def pings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where the service's notifications come in."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", str(int(INTERVAL * 1_000_000)))
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        yield made


async def _until(pings: socket.socket, state: str) -> list[str]:
    """What is told until this is."""
    told: list[str] = []
    async with asyncio.timeout(20):
        while state not in told:
            await asyncio.sleep(INTERVAL / 10)
            told += told_so_far(pings)
    return told


async def _expect_silence(pings: socket.socket) -> None:
    """Nothing is said to the watchdog for some of its intervals."""
    told_so_far(pings)
    await asyncio.sleep(5 * INTERVAL)
    assert "WATCHDOG=1" not in told_so_far(pings)


def test_a_part_that_is_not_alive_makes_the_pings_stop(pings: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    alive = [True, True]

    async def check() -> None:
        parts = (Watched("the one", lambda: alive[0]), Watched("the other", lambda: alive[1]))
        task = asyncio.create_task(keep_watchdog_quiet(*parts))
        await _until(pings, "WATCHDOG=1")
        alive[1] = False
        await _until(pings, "STATUS=Not alive: the other")
        await _expect_silence(pings)
        alive[:] = [False, True]
        await _until(pings, "STATUS=Not alive: the one")
        await _expect_silence(pings)
        alive[0] = True
        await _until(pings, "WATCHDOG=1")
        task.cancel()

    aio(check(), debug=False)
    # Whether that it is alive again is logged too hangs on the level that other tests left.
    told = [record for record in caplog.records if record.levelno > logging.INFO]
    assert [record.message.partition(";")[0] for record in told] == [
        "not alive: the other",
        "not alive: the one",
    ]


def test_a_loop_that_is_held_says_nothing(pings: socket.socket) -> None:
    async def check() -> None:
        task = asyncio.create_task(keep_watchdog_quiet())
        await _until(pings, "WATCHDOG=1")
        told_so_far(pings)
        time.sleep(5 * INTERVAL)  # In the test itself: a callback of somebody's that does not end.
        assert "WATCHDOG=1" not in told_so_far(pings)
        task.cancel()

    aio(check(), debug=False)


async def _serve(directory: Path, poll_s: float, then: Callable[[Catalog], Awaitable[None]]) -> None:
    """A service without binaries; once it is ready ``then`` is done, and it is stopped."""
    done = asyncio.Event()
    failed: list[BaseException] = []

    async def on_ready(catalog: Catalog) -> None:
        try:
            await then(catalog)
        except BaseException as error:  # noqa: BLE001 - raised again in the test
            failed.append(error)
        done.set()

    settings = make_settings(directory, {"poll_s": poll_s})
    task = asyncio.create_task(serve(settings, on_ready=on_ready))
    await asyncio.wait([task, asyncio.ensure_future(done.wait())], return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    if failed:
        raise failed[0]


def test_a_stopped_watcher_of_the_catalog_makes_the_pings_stop(tmp_path: Path, pings: socket.socket) -> None:
    async def check(catalog: Catalog) -> None:
        assert catalog.is_alive()
        await _until(pings, "WATCHDOG=1")
        (watcher,) = (task for task in asyncio.all_tasks() if task.get_name() == "catalog watcher")
        watcher.cancel()
        await _until(pings, "STATUS=Not alive: the catalog")
        await _expect_silence(pings)

    aio(_serve(tmp_path, 0.05, check), debug=False)


def test_a_look_that_hangs_makes_the_pings_stop(
    tmp_path: Path, pings: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that does not answer; and they come again with it."""
    answers = threading.Event()
    monkeypatch.setattr(catalog_module, "_PATIENCE", 2 * INTERVAL)
    look = watching.survey

    def hang(settings: CatalogSettings, expected: watching.Expected, root: Path) -> watching.Survey:
        answers.wait(20)
        return look(settings, expected, root)

    async def check(catalog: Catalog) -> None:
        await _until(pings, "WATCHDOG=1")
        monkeypatch.setattr(watching, "survey", hang)
        await _until(pings, "STATUS=Not alive: the catalog")
        await _expect_silence(pings)
        answers.set()
        await _until(pings, "WATCHDOG=1")
        assert catalog.is_alive()

    aio(_serve(tmp_path, 0.01, check), debug=False)
