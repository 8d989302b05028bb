"""What every store of a fleet holds to.  ``CONTRACT`` is run for each implementation, by the tests of each."""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Protocol

import pytest

from prober.errors import StoreConflictError, StoreError
from prober.fleet.blobs import MOST_KEPT
from prober.fleet.names import name_of
from prober.fleet.store.protocol import MOST_VALUE, CaughtUp, Event, Gone, Held, Store

#: How long (seconds) a watch may take to tell what it has to.
PATIENCE = 20


class Opened(Protocol):
    """The same store, as several see it.  What they have open is closed behind the test."""

    async def host(self, name: str) -> Store:
        """As a host of this name sees it."""
        ...

    async def reader(self) -> Store:
        """As a reader sees it."""
        ...


async def told(events: AsyncGenerator[Event, None], number: int) -> list[Event]:
    """The next events of a watch."""
    async with asyncio.timeout(PATIENCE):
        return [await anext(events) for _ in range(number)]


async def until_caught_up(events: AsyncGenerator[Event, None]) -> list[Event]:
    """The events up to the next :class:`CaughtUp`."""
    found: list[Event] = []
    async with asyncio.timeout(PATIENCE):
        async for event in events:
            if event == CaughtUp():
                break
            found.append(event)
    return found


def make_blob(text: bytes) -> tuple[str, bytes]:
    """A name and a blob that holds it."""
    return name_of(text), zlib.compress(text)


async def what_is_put_is_there(stores: Opened) -> None:
    host, reader = await stores.host("a"), await stores.reader()
    assert await host.get("hosts.a") is None
    first = await host.put("hosts.a", b"one")
    assert await reader.get("hosts.a") == Held("hosts.a", b"one", first)
    second = await host.put("hosts.a", b"\0" * MOST_VALUE)
    assert second > first > 0
    assert await host.get("hosts.a") == Held("hosts.a", b"\0" * MOST_VALUE, second)


async def a_host_may_have_a_long_name_with_dots(stores: Opened) -> None:
    name = ".".join(["rack7-03"] * 28) + "x"
    assert len(name) == 252
    host, reader = await stores.host(name), await stores.reader()
    revision = await host.put(f"hosts.{name}", b"one")
    assert (
        await host.get(f"hosts.{name}") == await reader.get(f"hosts.{name}") == Held(f"hosts.{name}", b"one", revision)
    )
    async with aclosing(reader.watch("hosts.")) as events:
        assert await until_caught_up(events) == [Held(f"hosts.{name}", b"one", revision)]


async def who_writes_after_a_revision_writes_after_nothing_else(stores: Opened) -> None:
    host = await stores.host("a")
    with pytest.raises(StoreConflictError):
        await host.put("hosts.a", b"one", after=1)
    first = await host.put("hosts.a", b"one", after=0)
    with pytest.raises(StoreConflictError):
        await host.put("hosts.a", b"other", after=0)
    second = await host.put("hosts.a", b"two", after=first)
    with pytest.raises(StoreConflictError):
        await host.put("hosts.a", b"other", after=first)
    assert await host.get("hosts.a") == Held("hosts.a", b"two", second)


async def what_is_taken_away_is_gone(stores: Opened) -> None:
    host = await stores.host("a")
    first = await host.put("hosts.a", b"one")
    second = await host.put("hosts.a", b"")
    assert await host.get("hosts.a") is None
    with pytest.raises(StoreConflictError):
        await host.put("hosts.a", b"two", after=first)
    third = await host.put("hosts.a", b"two", after=0)
    assert third > second > first
    assert await host.get("hosts.a") == Held("hosts.a", b"two", third)


async def a_watch_tells_what_is_there_and_what_changes(stores: Opened) -> None:
    a, b, reader = await stores.host("a"), await stores.host("b"), await stores.reader()
    gone = await stores.host("gone")
    await gone.put("hosts.gone", b"x")
    await gone.put("hosts.gone", b"")
    await a.put("hosts.a", b"old")
    first = await a.put("hosts.a", b"one")
    other = await b.put("hosts.b", b"other")
    await a.lease("a", "me", 10)
    async with aclosing(reader.watch("hosts.")) as events:
        assert await until_caught_up(events) == [Held("hosts.a", b"one", first), Held("hosts.b", b"other", other)]
        second = await a.put("hosts.a", b"two")
        assert await told(events, 1) == [Held("hosts.a", b"two", second)]
        await b.put("hosts.b", b"")
        assert await told(events, 1) == [Gone("hosts.b")]
        third = await b.put("hosts.b", b"again")
        assert await told(events, 1) == [Held("hosts.b", b"again", third)]


async def a_watch_of_nothing_is_caught_up_at_once(stores: Opened) -> None:
    host, reader = await stores.host("a"), await stores.reader()
    async with aclosing(reader.watch("hosts.")) as events:
        assert await told(events, 1) == [CaughtUp()]
        revision = await host.put("hosts.a", b"one")
        assert await told(events, 1) == [Held("hosts.a", b"one", revision)]


async def each_of_several_watches_tells_everything(stores: Opened) -> None:
    host = await stores.host("a")
    readers = [await stores.reader(), await stores.reader()]
    watches = [reader.watch("hosts.") for reader in (*readers, readers[0])]
    try:
        for events in watches:
            assert await told(events, 1) == [CaughtUp()]
        revision = await host.put("hosts.a", b"one")
        for events in watches:
            assert await told(events, 1) == [Held("hosts.a", b"one", revision)]
    finally:
        for events in watches:
            await events.aclose()


async def a_lease_is_one_holders_until_it_stands_still(stores: Opened) -> None:
    one, other = await stores.host("a"), await stores.host("a")
    assert await one.lease("a", "one", 0.5)
    assert not await other.lease("a", "other", 0.5)
    for _ in range(3):  # as long as it is renewed, nobody else gets it
        await asyncio.sleep(0.3)
        assert await one.lease("a", "one", 0.5)
        assert not await other.lease("a", "other", 0.5)
    await asyncio.sleep(0.6)
    assert await other.lease("a", "other", 0.5)
    assert not await one.lease("a", "one", 0.5)


async def one_of_many_gets_a_free_lease(stores: Opened) -> None:
    many = [await stores.host("a") for _ in range(4)]
    got = await asyncio.gather(*(store.lease("a", str(number), 10) for number, store in enumerate(many)))
    assert sum(got) == 1


async def a_blob_is_kept_under_its_content(stores: Opened) -> None:
    host, other, reader = await stores.host("a"), await stores.host("b"), await stores.reader()
    name, data = make_blob(os.urandom(200_000))
    assert await reader.blob(name) is None
    assert await host.blob(name, data, host="a") == data
    assert await host.blob(name, data, host="a") == data
    assert await reader.blob(name) == await other.blob(name) == data
    assert await other.blob(name, zlib.compress(zlib.decompress(data), 0), host="b") is not None
    found = await reader.blob(name)
    assert found is not None and name_of(zlib.decompress(found)) == name


async def a_blob_that_is_not_its_content_is_refused(stores: Opened) -> None:
    host = await stores.host("a")
    name, data = make_blob(b"one")
    with pytest.raises(StoreError, match="holds something else"):
        await host.blob(name, make_blob(b"other")[1], host="a")
    with pytest.raises(StoreError, match="holds something else"):
        await host.blob(name, data + b"x", host="a")
    with pytest.raises(StoreError, match="are the most"):
        await host.blob(name, b"x" * (MOST_KEPT + 1), host="a")
    assert await host.blob(name) is None


async def what_is_out_of_bounds_is_refused(stores: Opened) -> None:
    host = await stores.host("a")
    wrong = ("hosts", "hosts.", "Hosts.a", "hosts.*", "hosts.>", "hosts.a b", "hosts.a\r\nPUB x 0", ".a")
    for key in (*wrong, "hosts." + "a" * 300):
        with pytest.raises(StoreError, match="no key"):
            await host.put(key, b"x")
        with pytest.raises(StoreError, match="no key"):
            await host.get(key)
    for prefix in ("hosts", "", "*.", "hosts.a."):
        with pytest.raises(StoreError, match="cannot be watched"):
            await anext(host.watch(prefix))
    with pytest.raises(StoreError, match="are the most"):
        await host.put("hosts.a", b"x" * (MOST_VALUE + 1))
    for name in ("", "a" * 26, "a" * 28, "*" * 27, "../" * 9):
        with pytest.raises(StoreError, match="no name"):
            await host.blob(name)
    with pytest.raises(StoreError, match="1 to 256"):
        await host.lease("a", "", 1)


async def a_closed_store_says_so(stores: Opened) -> None:
    host, reader = await stores.host("a"), await stores.reader()
    events = reader.watch("hosts.")
    assert await told(events, 1) == [CaughtUp()]
    await host.close()
    await host.close()
    with pytest.raises(StoreError, match="closed"):
        await host.get("hosts.a")
    await reader.close()
    async with asyncio.timeout(PATIENCE):
        assert [event async for event in events] == []


CONTRACT: tuple[Callable[[Opened], Awaitable[None]], ...] = (
    what_is_put_is_there,
    a_host_may_have_a_long_name_with_dots,
    who_writes_after_a_revision_writes_after_nothing_else,
    what_is_taken_away_is_gone,
    a_watch_tells_what_is_there_and_what_changes,
    a_watch_of_nothing_is_caught_up_at_once,
    each_of_several_watches_tells_everything,
    a_lease_is_one_holders_until_it_stands_still,
    one_of_many_gets_a_free_lease,
    a_blob_is_kept_under_its_content,
    a_blob_that_is_not_its_content_is_refused,
    what_is_out_of_bounds_is_refused,
    a_closed_store_says_so,
)
