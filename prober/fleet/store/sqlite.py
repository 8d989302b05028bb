"""A store in one file of SQLite, which several processes of one machine may have open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from prober.errors import StoreError
from prober.fleet.pace import Backoff, waited
from prober.fleet.store.following import Following, watch_anew
from prober.fleet.store.leases import Leases
from prober.fleet.store.protocol import Event, Held, check_blob, check_name, check_value, split_key, watched_kind
from prober.fleet.store.sqlite_file import SqliteFile

#: How often (seconds) a watch looks whether somebody wrote, and its longest pause where the file cannot be read.
_LOOK_S, _AGAIN_S = 0.1, 1.0

T = TypeVar("T")


class SqliteStore:
    """The store of ``sqlite:PATH``; see :class:`~prober.fleet.store.protocol.Store`."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path)
        # SQLite blocks: it lives in a thread of its own, which also puts one call behind the other.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fleet-store")
        self._leases = Leases(self.get, lambda key, value, after: self.put(key, value, after=after))
        self._closed = asyncio.Event()

    @classmethod
    async def open(cls, path: Path) -> SqliteStore:
        """The store in this file, which is made (0600) where it is missing.

        :raise StoreError: where the file cannot be made, is no store of a fleet, or others may write to it.
        """
        store = cls(path)
        try:
            await store._run(store._file.version)
        except BaseException:
            await store.close()
            raise
        return store

    async def put(self, key: str, value: bytes, *, after: int | None = None) -> int:
        """See :meth:`~prober.fleet.store.protocol.Store.put`.  It is on the disk when this returns."""
        split_key(key)
        check_value(key, value)
        return await self._run(lambda: self._file.put(key, value, after))

    async def get(self, key: str) -> Held | None:
        """See :meth:`~prober.fleet.store.protocol.Store.get`."""
        split_key(key)
        return await self._run(lambda: self._file.get(key))

    def watch(self, prefix: str) -> AsyncGenerator[Event, None]:
        """See :meth:`~prober.fleet.store.protocol.Store.watch`.  Changes are told within some 0.1 s."""
        return watch_anew(partial(self._follow, watched_kind(prefix)), self._closed, Backoff(_AGAIN_S, _AGAIN_S))

    async def _follow(self, kind: str, following: Following) -> AsyncGenerator[Event, None]:
        """All keys, and each change until the store is closed or its file cannot be read."""
        following.begin()
        revision, version, is_listed = 0, (-1, -1), False
        while not self._closed.is_set():
            now = await self._run(self._file.version)
            while now != version and (found := await self._run(partial(self._file.changes, kind, revision))):
                for held in found:
                    revision = held.revision
                    for event in following.held(held) if held.value else following.gone(held.key):
                        yield event
            version = now
            for event in () if is_listed else following.end():
                yield event
            is_listed = True
            await waited(self._closed, _LOOK_S)

    async def lease(self, name: str, holder: str, seconds: float) -> bool:
        """See :meth:`~prober.fleet.store.protocol.Store.lease`."""
        return await self._leases.lease(name, holder, seconds)

    async def blob(self, name: str, data: bytes | None = None, *, host: str = "") -> bytes | None:
        """See :meth:`~prober.fleet.store.protocol.Store.blob`."""
        check_name(name)
        if data is None:
            return await self._run(lambda: self._file.blob(name))
        await check_blob(name, data)
        await self._run(lambda: self._file.put_blob(name, data))
        return data

    async def close(self) -> None:
        """See :meth:`~prober.fleet.store.protocol.Store.close`."""
        if not self._closed.is_set():
            self._closed.set()
            await asyncio.get_running_loop().run_in_executor(self._thread, self._file.close)
            self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._closed.is_set():
            raise StoreError("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
