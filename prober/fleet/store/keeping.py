"""Makes the streams of a fleet on a NATS server, or brings them to what they should be: its keeper does, once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from prober.fleet.store.address import read_address
from prober.fleet.store.client import Connection
from prober.fleet.store.feed import dumped
from prober.fleet.store.subjects import BUILDS_BYTES, RECORDS_BYTES, streams


async def make_streams(
    url: str,
    credentials: Path | None = None,
    *,
    replicas: int = 1,
    records_bytes: int = RECORDS_BYTES,
    builds_bytes: int = BUILDS_BYTES,
) -> None:
    """Make both streams; those that are there get this size and this number of copies, and lose nothing.

    :param replicas: how many servers of a cluster have a copy: 1, 3 or 5.
    :param records_bytes: the most that hosts' records may take; a further host is refused then.
    :param builds_bytes: the most that builds and variants may take.
    :raise StoreError: where the server cannot be reached, or will not have it.
    """
    address = await asyncio.to_thread(read_address, url, credentials)
    connection = Connection(address)
    try:
        for name, config in streams(replicas, records_bytes, builds_bytes).items():
            found = await connection.answer(f"$JS.API.STREAM.INFO.{name}")
            verb = "UPDATE" if "error" not in found else "CREATE"
            await connection.told(f"$JS.API.STREAM.{verb}.{name}", dumped(config))
    finally:
        await connection.close()
