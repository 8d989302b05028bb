"""Answers whose body comes in pieces: bounded where nobody reads, and ended with the client and with the service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self, cast

from prober.service.application import Application
from prober.service.messages import Request, Response
from prober.service.metrics.tally import Tally
from prober.service.protocol import HttpConnection
from prober.service.routes import ROUTES
from prober.service.serving import Serving
from tests.conftest import aio
from tests.unit.capabilities.asking import until
from tests.unit.service.running import make_settings

ASKED = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
RESPONSE_S = 0.3


class Pieces:
    """A body: so many pieces, of which some may be a mistake."""

    def __init__(self, number: int, piece: bytes, *, fails_at: int = -1, waits: bool = False) -> None:
        self.number = number
        self.piece = piece
        self.fails_at = fails_at
        self.waits = waits
        self.made = 0
        self.is_closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self.made == self.number:
            if self.waits:
                await asyncio.Event().wait()
            raise StopAsyncIteration
        if self.made == self.fails_at:
            raise ZeroDivisionError
        self.made += 1
        return self.piece

    async def aclose(self) -> None:
        self.is_closed = True


class Answering:
    """An application with one answer."""

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces

    async def answer(self, _: Request) -> Response:
        return Response(200, b"", "text/plain", stream=self.pieces)


@asynccontextmanager
async def served(directory: Path, pieces: Pieces) -> AsyncIterator[Serving]:
    settings = make_settings(directory, response_s=RESPONSE_S)
    serving = Serving(cast(Application, Answering(pieces)), settings, Tally(ROUTES))
    server = await asyncio.get_running_loop().create_unix_server(lambda: HttpConnection(serving), directory / "s.sock")
    try:
        yield serving
    finally:
        server.close()
        await serving.end(0.3)


def test_pieces_are_chunks_and_the_connection_goes_on(tmp_path: Path) -> None:
    async def body() -> None:
        pieces = Pieces(3, b"abc")
        async with served(tmp_path, pieces):
            source, sink = await asyncio.open_unix_connection(tmp_path / "s.sock")
            for _ in range(2):
                pieces.made, pieces.is_closed = 0, False
                sink.write(ASKED)
                head = await source.readuntil(b"\r\n\r\n")
                assert b"\r\ntransfer-encoding: chunked\r\n" in head
                assert await source.readuntil(b"0\r\n\r\n") == b"3\r\nabc\r\n" * 3 + b"0\r\n\r\n"
                await until(lambda: pieces.is_closed)
            sink.close()

    aio(body())


def test_one_that_is_not_read_is_let_go(tmp_path: Path) -> None:
    """No more is made than the kernel takes, and one piece."""

    async def body() -> None:
        pieces = Pieces(1 << 30, b"x" * 65536)
        async with served(tmp_path, pieces) as serving:
            source, sink = await asyncio.open_unix_connection(tmp_path / "s.sock", limit=1)
            sink.write(ASKED)
            await until(lambda: pieces.made > 0)
            await until(lambda: pieces.is_closed)
            assert pieces.made < 100
            await until(lambda: not serving.connections and not serving.tasks)
            sink.close()
            del source

    aio(body())


def test_it_ends_with_the_client_and_with_the_service(tmp_path: Path) -> None:
    async def body() -> None:
        pieces = Pieces(1, b"abc", waits=True)
        async with served(tmp_path, pieces) as serving:
            source, sink = await asyncio.open_unix_connection(tmp_path / "s.sock")
            sink.write(ASKED)
            await source.readuntil(b"abc\r\n")
            sink.close()
            await until(lambda: pieces.is_closed)
            await until(lambda: not serving.tasks)
            pieces.made, pieces.is_closed = 0, False
            source, sink = await asyncio.open_unix_connection(tmp_path / "s.sock")
            sink.write(ASKED)
            await source.readuntil(b"abc\r\n")
            began = time.monotonic()
            await serving.end(60)
            assert time.monotonic() - began < 30
            assert pieces.is_closed
            assert await source.read() == b""
            sink.close()

    aio(body())


def test_a_mistake_in_the_middle_ends_the_connection(tmp_path: Path) -> None:
    async def body() -> None:
        pieces = Pieces(3, b"abc", fails_at=1)
        async with served(tmp_path, pieces):
            source, sink = await asyncio.open_unix_connection(tmp_path / "s.sock")
            sink.write(ASKED)
            said = await source.read()
            assert said.endswith(b"\r\n\r\n3\r\nabc\r\n")
            assert pieces.is_closed
            sink.close()

    aio(body())
