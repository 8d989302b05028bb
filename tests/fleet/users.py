"""A fleet's store on a server, and its users, each with a key and the rights that packaging/nats gives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from prober.fleet.store.address import read_address
from prober.fleet.store.client import ERRORS, BoundedClient, Connection
from prober.fleet.store.keeping import make_streams
from prober.fleet.store.nats import NatsStore
from prober.fleet.store.open import open_store
from prober.fleet.store.protocol import Store
from tests.fleet.nats_server import Keys, Server, start_server

LONG = ".".join(["rack7-03"] * 28) + "x"
HOSTS = ("a", "b", "gone", LONG)


class Users:
    """The hosts and readers of one store; see ``Opened`` of the contract."""

    def __init__(self, url: str, files: dict[str, Path], stack: AsyncExitStack) -> None:
        self.url, self._files, self._stack = url, files, stack

    async def host(self, name: str) -> Store:
        """As a host sees it."""
        return await self.open(name)

    async def reader(self) -> Store:
        """As a reader sees it."""
        return await self.open("reader")

    async def open(self, name: str) -> NatsStore:
        """As any of them sees it."""
        store = await open_store(self.url, self._files[name])
        self._stack.push_async_callback(store.close)
        assert isinstance(store, NatsStore)
        return store

    async def raw(self, name: str) -> Raw:
        """What one of them can do who uses the key for something else."""
        connection = Connection(await asyncio.to_thread(read_address, self.url, self._files[name]))
        self._stack.push_async_callback(connection.close)
        return Raw(connection, await connection.client())


@dataclass
class Raw:
    """A user's own connection."""

    connection: Connection
    client: BoundedClient

    @property
    def inbox(self) -> str:
        """Where this user may listen."""
        return self.connection.address.inbox

    async def publish(self, subject: str, data: bytes = b"", *, reply: str = "", **headers: str) -> str:
        """Publish, and what the server says against it."""
        self.connection.said = ""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        await self.client.publish(subject, data, reply=reply, headers=told or None)
        return await self.said()

    async def subscribe(self, subject: str) -> str:
        """Subscribe, and what the server says against it."""
        self.connection.said = ""
        await self.client.subscribe(subject)
        return await self.said()

    async def said(self) -> str:
        """What the server says to all that was sent so far."""
        for _ in range(2):  # the client sends its first ping in front of what waits to be sent
            await self.client.flush()
        return self.connection.said

    async def ask(self, subject: str, data: bytes = b"") -> bytes:
        """The server's answer; empty where there is none."""
        try:
            return bytes((await self.client.request(subject, data, timeout=2)).data)
        except ERRORS:
            return b""


def make_keys(directory: Path) -> tuple[Keys, dict[str, Path]]:
    """Keys of some hosts, a reader and a keeper."""
    directory.mkdir(exist_ok=True)
    keys = Keys(directory)
    files = {name: keys.make("host", str(number), name) for number, name in enumerate(HOSTS)}
    return keys, {**files, "reader": keys.make("reader", "reader"), "keeper": keys.make("keeper", "keeper")}


@dataclass
class Fleet:
    """A server, and the files of its users."""

    server: Server
    files: dict[str, Path]

    @asynccontextmanager
    async def users(self, **sizes: int) -> AsyncIterator[Users]:
        """Its users, behind the keeper's making of the streams."""
        await make_streams(self.server.url, self.files["keeper"], **sizes)
        async with AsyncExitStack() as stack:
            yield Users(self.server.url, self.files, stack)


@contextmanager
def start_fleet(directory: Path, *, listen: str = "", changes: Sequence[tuple[str, str]] = ()) -> Iterator[Fleet]:
    """One server with its users."""
    keys, files = make_keys(directory / "keys")
    with start_server(directory / "server", keys, listen=listen, changes=changes) as server:
        yield Fleet(server, files)
