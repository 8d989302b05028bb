"""Makes the streams of a fleet on a NATS server, or brings them to what they should be: its keeper does, once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal, NamedTuple

from prober.errors import StoreError
from prober.fleet.store.address import read_address
from prober.fleet.store.client import ServerConnection
from prober.fleet.store.feed import dumped
from prober.fleet.store.refusals import NO_STREAM, refusal
from prober.fleet.store.subjects import BUILDS, RECORDS, ROOM, stream_config

#: How long (seconds) it may take to make a stream: its copies elect a leader first.
_MADE_S = 30.0

#: How long (seconds) after one try to reach a server the next one begins.
_AGAIN_S = 0.5


class StreamDone(NamedTuple):
    """What became of a stream: it was ``made``, or it was there and was ``changed`` or left as it is (``there``).

    ``changes`` are the names that JetStream has for what was changed.  ``replicas`` is how many servers have a copy,
    ``most_bytes`` how much it may take.
    """

    stream: str
    done: Literal["made", "changed", "there"]
    replicas: int
    most_bytes: int
    changes: tuple[str, ...] = ()


async def make_streams(
    url: str,
    credentials: Path | None = None,
    *,
    replicas: int | None = None,
    records_bytes: int | None = None,
    builds_bytes: int | None = None,
    patience_s: float = 0.0,
) -> list[StreamDone]:
    """Make both streams; those that are there get what they should have, and lose nothing.

    What is None stays as it is; a new stream has one copy, 1 GiB for records and 2 GiB for builds.

    :param replicas: how many servers of a cluster have a copy: 1, 3 or 5.
    :param records_bytes: the most that hosts' records may take; a further host is refused then.
    :param builds_bytes: the most that builds and variants may take.
    :param patience_s: how long (seconds) a server is waited for that is perhaps being started.
    :raise StoreError: where the server cannot be reached, or will not have it.
    """
    address = await asyncio.to_thread(read_address, url, credentials)
    connection = ServerConnection(address)
    try:
        await _reach(connection, patience_s)
        return [
            await _make(connection, RECORDS, replicas, records_bytes),
            await _make(connection, BUILDS, replicas, builds_bytes),
        ]
    finally:
        await connection.close()


async def _reach(connection: ServerConnection, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        try:
            await connection.client()
        except StoreError as error:
            # Who is not let in will not be let in later.
            if loop.time() > until or "authorization" in error.message.lower():
                raise
            await asyncio.sleep(_AGAIN_S)
        else:
            return


async def _make(connection: ServerConnection, name: str, replicas: int | None, most_bytes: int | None) -> StreamDone:
    there = await _config(connection, name)
    known = there or {}
    copies = replicas or _number(known, "num_replicas") or 1
    room = most_bytes or _number(known, "max_bytes") or ROOM[name]
    config = stream_config(name, copies, room)
    changes = _differences(known, config)
    if there is not None and not changes:
        return StreamDone(name, "there", copies, room)
    # What else somebody has set there stays: where its copies lie, what they are called.
    asked = dumped({**known, **config})
    verb = "CREATE" if there is None else "UPDATE"
    await connection.told(f"$JS.API.STREAM.{verb}.{name}", asked, seconds=_MADE_S)
    return (
        StreamDone(name, "made", copies, room) if there is None else StreamDone(name, "changed", copies, room, changes)
    )


async def _config(connection: ServerConnection, name: str) -> dict[str, Any] | None:
    """What a server has of a stream; None where it has none."""
    told = await connection.answer(f"$JS.API.STREAM.INFO.{name}")
    error = told.get("error")
    if error is None:
        return told["config"] if isinstance(told.get("config"), dict) else {}
    if isinstance(error, dict) and error.get("err_code") == NO_STREAM:
        return None
    raise refusal(error)


def _differences(there: dict[str, Any], config: dict[str, object]) -> tuple[str, ...]:
    """What has to be changed; what a server knows nothing of, or leaves out as it is nothing, is false."""
    return tuple(key for key, value in config.items() if (there.get(key) or False) != (value or False))


def _number(config: dict[str, Any], key: str) -> int | None:
    """What a server says that a stream has; None where it says nothing of use."""
    value = config.get(key)
    return value if isinstance(value, int) and value > 0 else None
