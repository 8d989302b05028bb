"""The store in a file: the contract, several processes, and files that are not as they have to be."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, closing
from pathlib import Path

import pytest

from prober.errors import StoreError
from prober.fleet.store.open import open_store
from prober.fleet.store.protocol import Away, CaughtUp, Gone, Held, Store
from tests.conftest import aio
from tests.unit.fleet.store_contract import CONTRACT, Opened, make_blob, told, until_caught_up


class Files:
    """One file, opened anew for each who asks."""

    def __init__(self, path: Path, stack: AsyncExitStack) -> None:
        self._path, self._stack = path, stack

    async def host(self, name: str) -> Store:
        store = await open_store(f"sqlite:{self._path}")
        self._stack.push_async_callback(store.close)
        return store

    async def reader(self) -> Store:
        return await self.host("reader")


@pytest.mark.parametrize("clause", CONTRACT, ids=lambda clause: clause.__name__)
def test_contract(tmp_path: Path, clause: Callable[[Opened], Awaitable[None]]) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            await clause(Files(tmp_path / "fleet.db", stack))

    aio(run())


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_all_its_files_are_the_users_alone(tmp_path: Path) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            store = await Files(tmp_path / "fleet.db", stack).reader()
            await store.put("hosts.a", b"one")
            assert {path.name: _mode(path) for path in tmp_path.iterdir()} == {
                "fleet.db": 0o600,
                "fleet.db-shm": 0o600,
                "fleet.db-wal": 0o600,
            }

    before = os.umask(0)
    try:
        aio(run())
    finally:
        os.umask(before)


def _damage(path: Path) -> None:
    path.write_bytes(b"x" * 5000)


def _of_others(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE other (x)")


def _newer(path: Path) -> None:
    aio(_opened_once(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 7")


def _writable(path: Path) -> None:
    path.touch()
    path.chmod(0o666)


async def _opened_once(path: Path) -> None:
    await (await open_store(f"sqlite:{path}")).close()


@pytest.mark.parametrize(
    "make, word",
    [
        (_damage, "no store of a fleet"),
        (_of_others, "no store of a fleet"),
        (_newer, "of form 7"),
        (_writable, "others may write"),
        (Path.mkdir, "is no file"),
        (os.mkfifo, "is no file"),
    ],
)
def test_a_file_that_is_none_is_refused_and_left_as_it_is(
    tmp_path: Path, make: Callable[[Path], None], word: str
) -> None:
    path = tmp_path / "fleet.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError, match=word):
        aio(_opened_once(path))
    assert before is None or path.read_bytes() == before


def test_where_no_file_can_be_made_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file or directory"):
        aio(_opened_once(tmp_path / "nowhere" / "fleet.db"))


_WRITER = """
import asyncio, sys
from prober.fleet.store.open import open_store
async def main():
    store = await open_store(f"sqlite:{sys.argv[1]}")
    for number in range(int(sys.argv[3])):
        await store.put(f"hosts.{sys.argv[2]}-{number % 20}", str(number).encode())
        print(number, flush=True)
    await store.close()
asyncio.run(main())
"""


def start_writer(path: Path, name: str, number: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _WRITER, str(path), name, str(number)], stdout=subprocess.PIPE)


@pytest.mark.slow
def test_several_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "fleet.db"  # which each of them finds missing
    writers = [start_writer(path, name, 40) for name in "abc"]
    try:
        assert [writer.communicate(timeout=60) and writer.returncode for writer in writers] == [0, 0, 0]
    finally:
        for writer in writers:
            writer.kill()

    async def run() -> None:
        async with AsyncExitStack() as stack:
            store = await Files(path, stack).reader()
            async with aclosing(store.watch("hosts.")) as events:
                found = await until_caught_up(events)
        assert {event.key: event.value for event in found if isinstance(event, Held)} == {
            f"hosts.{name}-{number}": str(number + 20).encode() for name in "abc" for number in range(20)
        }

    aio(run())


@pytest.mark.fault("store-killed")
@pytest.mark.slow
def test_what_was_put_outlives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "fleet.db"
    with start_writer(path, "a", 10**6) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(30)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
    last = max(int(line) for line in lines if line.endswith(b"\n"))

    async def run() -> None:
        async with AsyncExitStack() as stack:
            store = await Files(path, stack).reader()
            held = await store.get(f"hosts.a-{last % 20}")
            assert held is not None and int(held.value) >= last
            await store.put("hosts.b", b"goes on")

    aio(run())


def test_a_watch_tells_that_the_file_is_away_and_what_is_in_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "fleet.db"

    async def run() -> None:
        async with AsyncExitStack() as stack:
            files = Files(path, stack)
            store, reader = await files.host("a"), await files.reader()
            await store.put("hosts.a", b"one")
            await store.put("hosts.b", b"one")
            async with aclosing(reader.watch("hosts.")) as events:
                assert len(await until_caught_up(events)) == 2
                await store.close()
                path.rename(tmp_path / "old.db")
                for beside in tmp_path.glob("fleet.db-*"):
                    beside.unlink()
                assert isinstance((await told(events, 1))[0], Away)
                another = await files.host("a")
                revision = [await another.put("hosts.b", value) for value in (b"1", b"2", b"3")][-1]
                assert await told(events, 3) == [Held("hosts.b", b"3", revision), Gone("hosts.a"), CaughtUp()]

    aio(run())


@pytest.mark.fault("wrong-blob")
def test_a_blob_that_was_damaged_is_not_given_out_and_can_be_put_again(tmp_path: Path) -> None:
    name, data = make_blob(b"one")

    async def run() -> None:
        async with AsyncExitStack() as stack:
            store = await Files(tmp_path / "fleet.db", stack).reader()
            await store.blob(name, data)
            with closing(sqlite3.connect(tmp_path / "fleet.db", isolation_level=None)) as connection:
                connection.execute("UPDATE blobs SET data = x'00'")
            with pytest.raises(StoreError, match="does not hold"):
                await store.blob(name)
            await store.blob(name, data)
            assert await store.blob(name) == data

    aio(run())


@pytest.mark.fault("store-full")
def test_a_full_store_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            store = await Files(tmp_path / "fleet.db", stack).reader()
            revision = await store.put("hosts.a", b"one")
            connection = store._file._connection  # type: ignore[attr-defined]
            await store._run(lambda: connection.execute("PRAGMA max_page_count = 8"))  # type: ignore[attr-defined]
            name, data = make_blob(os.urandom(100_000))
            with pytest.raises(StoreError, match="is full"):
                await store.blob(name, data)
            assert await store.get("hosts.a") == Held("hosts.a", b"one", revision)
            assert await store.blob(name) is None

    aio(run())


def test_credentials_are_for_servers(tmp_path: Path) -> None:
    async def run(url: str, credentials: Path | None) -> None:
        await open_store(url, credentials)

    with pytest.raises(StoreError, match="takes no credentials"):
        aio(run(f"sqlite:{tmp_path}/fleet.db", tmp_path / "seed"))
    for url in ("", "sqlite:", "fleet.db", "http://127.0.0.1", "nats"):
        with pytest.raises(StoreError, match="no address"):
            aio(run(url, None))
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_while_it_is_listed_is_told(tmp_path: Path) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            files = Files(tmp_path / "fleet.db", stack)
            store, reader = await files.host("a"), await files.reader()
            for number in range(30):
                await store.put(f"hosts.{number}", b"old")
            async with aclosing(reader.watch("hosts.")) as events:
                await told(events, 10)
                revision = await store.put("hosts.0", b"new")
                assert (await until_caught_up(events))[-1] == Held("hosts.0", b"new", revision)

    aio(run())
