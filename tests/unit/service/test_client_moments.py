"""The typed clients in bad moments: an answer that ends anywhere, threads, loops and forks; nothing is left open."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from prober import AsyncServiceClient, ServiceClient, ServiceError, UsageError
from prober.errors import ProberError
from tests.conftest import aio
from tests.integration.processes import wait_until
from tests.unit.service.test_client import serving
from tests.unit.service.test_typed_clients import HEALTH, answer, both


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.sock"


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """No descriptor more than before; one that is only forgotten is a ResourceWarning, and fails by that."""
    before = len(os.listdir("/proc/self/fd"))
    yield
    gc.collect()
    # The other side are threads of this process, which close theirs a moment later.
    wait_until(lambda: len(os.listdir("/proc/self/fd")) <= before)


def _telling(said: Callable[[int], bytes]) -> Callable[[socket.socket], None]:
    """Answers one question after the other on a connection, by their number, until an answer is not whole."""
    number = 0

    def behave(connection: socket.socket) -> None:
        nonlocal number
        while connection.recv(1 << 16):
            told = said(number)
            number += 1
            connection.sendall(told)
            if len(told) != len(answer(HEALTH)):
                return

    return behave


def _cut(whole: bytes, end: int, _: int) -> bytes:
    return whole[:end]


def test_an_answer_may_end_anywhere(path: Path) -> None:
    whole = answer(HEALTH)
    for end in range(0, len(whole), 7):
        with serving(path, _telling(partial(_cut, whole, end))):
            for ask in both(path):
                with pytest.raises(ServiceError, match="the connection was closed before the answer was complete"):
                    ask()
        path.unlink()


def _each_second(whole: bytes, end: int, number: int) -> bytes:
    """Each second answer breaks off."""
    return whole[:end] if number % 2 else whole


def test_a_connection_that_was_kept_may_end_anywhere_and_is_made_anew(path: Path) -> None:
    """As a service that was started again leaves it: the question is asked once more, of the new one."""
    whole = answer(HEALTH)

    async def ask_again() -> None:
        async with AsyncServiceClient(path, timeout=5, patience=0) as client:
            for _ in range(6):
                assert (await client.health()).version == "1"

    for end in (0, 1, 20, len(whole) - 1):
        half = partial(_each_second, whole, end)
        with serving(path, _telling(half)), ServiceClient(path, timeout=5, patience=0) as client:
            for _ in range(6):
                assert client.health().version == "1"
        path.unlink()
        with serving(path, _telling(half)):
            aio(ask_again())
        path.unlink()


def test_more_than_it_says_is_no_answer(path: Path) -> None:
    with serving(path, _telling(lambda _: answer(HEALTH) + b"{}")):
        for ask in both(path):
            with pytest.raises(ServiceError, match="has more bytes than it says"):
                ask()


def test_an_answer_that_comes_before_all_was_sent_is_heard(path: Path) -> None:
    """The service says that a body is too large, and closes; it is not asked for that again and again."""
    times = 0
    problem = b'{"type": "urn:prober:usage", "detail": "the body is larger than 1048576 bytes"}'

    def behave(connection: socket.socket) -> None:
        nonlocal times
        times += 1
        connection.recv(100)
        connection.sendall(answer(problem, "413 Too large", b"connection: close\r\n"))

    async def ask(body: bytes) -> None:
        async with AsyncServiceClient(path, patience=5) as client:
            await client.translate(body)

    body = b" " * (4 << 20)
    with serving(path, behave):
        for _ in range(10):
            with pytest.raises(UsageError, match="larger than"):
                aio(ask(body))
        with ServiceClient(path, patience=5) as client, pytest.raises(UsageError, match="larger than"):
            client.translate(body)
    assert times == 11


def _slow(connection: socket.socket) -> None:
    def work(mine: socket.socket) -> None:
        with mine, suppress(OSError):
            while mine.recv(1 << 16):
                threading.Event().wait(0.2)
                mine.sendall(answer(HEALTH))

    threading.Thread(target=work, args=(connection.dup(),), daemon=True).start()


def test_what_is_under_way_when_it_is_closed_is_closed_with_its_answer(path: Path) -> None:
    async def ask() -> None:
        client = AsyncServiceClient(path, patience=0)
        asked = [asyncio.create_task(client.health()) for _ in range(3)]
        await asyncio.sleep(0.05)
        await client.close()
        assert [one.version for one in await asyncio.gather(*asked)] == ["1"] * 3
        assert [fd for fd in os.listdir("/proc/self/fd") if _is_connected(fd, path)] == []

    with serving(path, _slow):
        aio(ask())


def _is_connected(fd: str, path: Path) -> bool:
    try:
        return Path(f"/proc/self/fd/{fd}").readlink().name.startswith("socket:") and _peer_of(int(fd)) == str(path)
    except OSError:
        return False


def _peer_of(fd: int) -> str:
    with socket.socket(fileno=os.dup(fd)) as one:
        return str(one.getpeername())


def test_a_task_that_is_cancelled_lets_go(path: Path) -> None:
    async def ask() -> None:
        async with AsyncServiceClient(path, patience=0) as client:
            asked = [asyncio.create_task(client.health()) for _ in range(100)]
            await asyncio.sleep(0.05)
            for one in asked[:99]:
                one.cancel()
            told = await asyncio.gather(*asked, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in told[:99])
            assert (await client.health()).version == "1"

    with serving(path, _slow):
        aio(ask())


def test_many_questions_share_few_connections(path: Path) -> None:
    made: list[int] = []

    def behave(connection: socket.socket) -> None:
        made.append(1)
        _slow(connection)

    async def ask() -> None:
        async with AsyncServiceClient(path, timeout=20, patience=0) as client:
            told = await asyncio.gather(*(client.health() for _ in range(200)))
            assert len(told) == 200

    with serving(path, behave):
        aio(ask())
    assert len(made) <= 64


def test_one_client_serves_one_event_loop_after_the_other(path: Path) -> None:
    client = AsyncServiceClient(path, patience=0)

    async def ask() -> str:
        return (await client.health()).version

    with serving(path, _slow):
        assert [aio(ask()) for _ in range(3)] == ["1"] * 3
        aio(client.close())


def test_a_second_thread_is_told_and_gets_nobody_elses_answer(path: Path) -> None:
    told: list[str] = []

    def ask() -> None:
        try:
            told.append(client.health().version)
        except UsageError as error:
            told.append(error.message)

    with serving(path, _slow), ServiceClient(path, patience=0) as client:
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert sorted(told) == ["1", *["this client is asking already, in another thread"] * 3]
        assert client.health().version == "1"


def test_a_process_that_is_forked_has_a_connection_of_its_own(path: Path) -> None:
    with serving(path, _slow), ServiceClient(path, patience=0) as client:
        client.health()
        kept = client._client._socket
        assert kept is not None
        client._pid = 0  # As in a child of this one, whose id is another.
        assert client.health().version == "1"
        assert client._client._socket is not kept


@pytest.mark.parametrize("path", ["", "\0abstract", "x" * 300, "/", "/dev/null", "a\0b", "/nowhere/at/all"])
def test_where_no_service_can_be_is_a_clear_error(path: str) -> None:
    for ask in both(Path(path) if "\0" not in path else path):  # type: ignore[arg-type]
        with pytest.raises(ServiceError):
            ask()


def test_what_is_no_unicode_is_told_of_before_it_is_sent(path: Path) -> None:
    async def ask() -> None:
        async with AsyncServiceClient(path, patience=0) as client:
            await client.supports("q", "e1000\ud800")

    with ServiceClient(path, patience=0) as client:
        asked: list[Callable[[], object]] = [
            lambda: client.binary("\udcff"),
            lambda: client.supports("q", "\ud800"),
            lambda: client.translate("<a>\udcff</a>"),
            lambda: client.plug_line("q", ["q"], [{"execute": "\ud800"}]),
            lambda: aio(ask()),
        ]
        for one in asked:
            with pytest.raises(ProberError):
                one()


def test_changes_are_not_asked_for_without_a_pause_nor_longer_than_an_answer_may_take(path: Path) -> None:
    waits: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        while head := connection.recv(1 << 16):
            waits.append(head.split(b" ")[1])
            connection.sendall(answer(b'{"changes": [], "id": "a-2", "reset": true}'))

    async def first(wait: float) -> object:
        async with AsyncServiceClient(path, timeout=4, patience=0) as client:
            return await anext(client.events(since="a-1", wait=wait))

    with serving(path, behave), ServiceClient(path, timeout=4, patience=0) as client:
        for wait in (0.0, -1.0, 61.0, float("nan")):
            with pytest.raises(UsageError, match="wait is"):
                next(client.events(wait=wait))
            with pytest.raises(UsageError, match="wait is"):
                aio(first(wait))
        next(client.events(since="a-1", wait=60))
    path.unlink()
    with serving(path, behave):
        aio(first(60))
    assert waits == [b"/v1/changes?since=a-1&wait=2"] * 2
