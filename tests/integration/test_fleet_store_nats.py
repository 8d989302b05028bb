"""The store on a NATS server: the contract, under the rights that packaging/nats gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from prober.fleet.store.keeping import make_streams
from prober.fleet.store.open import open_store
from prober.fleet.store.protocol import Store
from tests.conftest import aio
from tests.fleet.nats_server import Keys, Server, start_server
from tests.unit.fleet.store_contract import CONTRACT, Opened

LONG = ".".join(["rack7-03"] * 28) + "x"
HOSTS = ("a", "b", "gone", LONG)


class Users:
    """The hosts and readers of one store, each with a key of its own."""

    def __init__(self, url: str, keys: dict[str, Path], stack: AsyncExitStack) -> None:
        self._url, self._keys, self._stack = url, keys, stack

    async def host(self, name: str) -> Store:
        store = await open_store(self._url, self._keys[name])
        self._stack.push_async_callback(store.close)
        return store

    async def reader(self) -> Store:
        return await self.host("reader")


def make_keys(directory: Path) -> tuple[Keys, dict[str, Path]]:
    """Keys of some hosts, a reader and a keeper."""
    directory.mkdir(exist_ok=True)
    keys = Keys(directory)
    files = {name: keys.make("host", str(number), name) for number, name in enumerate(HOSTS)}
    return keys, {**files, "reader": keys.make("reader", "reader"), "keeper": keys.make("keeper", "keeper")}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Server, dict[str, Path]]]:
    keys, files = make_keys(tmp_path / "keys")
    with start_server(tmp_path / "server", keys) as started:
        yield started, files


@pytest.mark.parametrize("clause", CONTRACT, ids=lambda clause: clause.__name__)
def test_contract(server: tuple[Server, dict[str, Path]], clause: Callable[[Opened], Awaitable[None]]) -> None:
    started, files = server

    async def run() -> None:
        await make_streams(started.url, files["keeper"])
        async with AsyncExitStack() as stack:
            await clause(Users(started.url, files, stack))

    aio(run())
