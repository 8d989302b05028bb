"""Hosts that are simulated: all of them on one connection, which has the rights of every host.

What they say is what hosts say: records, builds, heartbeats.  A host of its own has a key and a connection; what a
hundred thousand connections cost the server is not measured here.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from zlib import crc32

from prober.fleet.names import NAME
from prober.fleet.records import dump_record, make_record
from prober.fleet.store.address import read_address
from prober.fleet.store.client import BoundedClient, ServerConnection
from prober.fleet.store.subjects import subject_of, token
from tests.fleet_bench.made import Qemu

#: So many writes are under way at once.
_UNDER_WAY = 2000

#: How long (seconds) the store may take to acknowledge what is under way.
_PATIENCE = 60.0

#: Which QEMU the next host has: one far from the last one's, so that few hosts are as mixed as many.
_STRIDE = 37

#: So many racks have hosts, and the zones, which have nothing to do with what their hosts are.
RACKS, ZONES = 500, "abcde"


def host_name(number: int) -> str:
    """What a host is called."""
    return f"host-{number:06}"


def labels_of(number: int) -> Mapping[str, str]:
    """What an operator says of a host."""
    return {"rack": str(number % RACKS), "zone": ZONES[crc32(host_name(number).encode()) % len(ZONES)]}


def record_of(number: int, qemus: Sequence[Qemu], seq: int = 0) -> bytes:
    """What a host says of itself; its record is another one with each ``seq``."""
    qemu = qemus[number * _STRIDE % len(qemus)]
    record = make_record(
        host_name(number), seq=seq, time=1_796_000_000, labels=labels_of(number), builds=[qemu.in_record]
    )
    return dump_record(record)


class Crowd:
    """The hosts.  All of it belongs to one event loop."""

    def __init__(self, client: BoundedClient, qemus: Sequence[Qemu]) -> None:
        self._client = client
        self.qemus = qemus
        self._inbox = client.new_inbox()
        self._under_way = 0
        self._acknowledged = asyncio.Event()
        self.refused: list[str] = []

    @property
    def is_over(self) -> bool:
        """Whether the connection has ended."""
        return not self._client.is_reading

    async def start(self) -> None:
        """Hear what the store acknowledges."""
        await self._client.take(self._inbox, self._hear)

    def _hear(self, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        self._under_way -= 1
        self._acknowledged.set()
        told = json.loads(data) if data else {"error": (headers or b"").decode()}
        if "error" in told:
            self.refused.append(str(told["error"]))

    async def write(self, messages: Iterable[tuple[str, bytes]], *, until: float | None = None) -> int:
        """Write to these subjects, and wait until the store has acknowledged all of it; how much that was.

        Where ``until`` is given (monotonic seconds), nothing is begun after that.
        """
        written = 0
        for subject, data in messages:
            if until is not None and time.monotonic() >= until:
                break
            await self._room(_UNDER_WAY if until is None else 8)
            await self._client.publish(subject, data, reply=self._inbox)
            self._under_way += 1
            written += 1
        await self._room(1)
        assert not self.refused, self.refused[0]
        return written

    async def _room(self, most: int) -> None:
        """Wait until fewer than so many are under way."""
        async with asyncio.timeout(_PATIENCE):
            while self._under_way >= most:
                self._acknowledged.clear()
                await self._acknowledged.wait()

    async def give_builds(self) -> None:
        """Store all builds and variants, as the first host has them."""
        blobs = {name: blob for qemu in self.qemus for name, blob in qemu.blobs}
        assert all(NAME.fullmatch(name) for name in blobs)
        await self.write((f"builds.{name}.{token(host_name(0))}", blob) for name, blob in blobs.items())

    async def tell(self, numbers: Iterable[int], seq: int = 0, *, until: float | None = None) -> int:
        """These hosts say what they have; how many did."""
        told = ((subject_of("hosts", host_name(one)), record_of(one, self.qemus, seq)) for one in numbers)
        return await self.write(told, until=until)

    async def beat(self, numbers: Sequence[int], rate: float, seconds: float) -> int:
        """These hosts beat in turn, so many a second for so long; how often they did."""
        began, sent = time.monotonic(), 0
        while (gone := time.monotonic() - began) < seconds:
            while sent < gone * rate:
                await self._client.publish(f"beats.{token(host_name(numbers[sent % len(numbers)]))}", b"0")
                sent += 1
            await asyncio.sleep(0.01)
        return sent


@asynccontextmanager
async def gathered(url: str, credentials: Path, qemus: Sequence[Qemu]) -> AsyncIterator[Crowd]:
    """The hosts, connected to a store."""
    connection = ServerConnection(await asyncio.to_thread(read_address, url, credentials))
    try:
        crowd = Crowd(await connection.client(), qemus)
        await crowd.start()
        yield crowd
    finally:
        await connection.close()
