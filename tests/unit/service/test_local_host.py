"""The service as an agent asks it: whatever answers on the socket, it is believed or told of, and never waited for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from prober.errors import ServiceError
from prober.service.client import MAX_RESPONSE_BYTES
from prober.service.local_host import ServiceHost
from tests.conftest import aio


def answer(value: object, status: int = 200) -> bytes:
    """A whole answer."""
    body = json.dumps(value).encode()
    return f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class Answering:
    """Gives one answer after the other, and keeps what it was asked."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1])
        writer.write(self.answers.pop(0))
        writer.close()


@asynccontextmanager
async def answering(socket: Path, *answers: bytes) -> AsyncIterator[Answering]:
    made = Answering(list(answers))
    server = await asyncio.start_unix_server(made.take, socket)
    async with server:
        yield made


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"nothing\r\n\r\n",
        b"HTTP/1.1 x\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_RESPONSE_BYTES + 1),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        answer({"binaries": [{"id": 3}]}),
        answer({"detail": "it is tired"}, 500),
        answer("x", 404),
    ],
)
def test_what_is_no_answer_is_told_of(tmp_path: Path, said: bytes) -> None:
    async def run() -> None:
        async with answering(tmp_path / "s", said):
            with pytest.raises(ServiceError) as caught:
                await ServiceHost(tmp_path / "s").qemus()
            assert str(tmp_path / "s") in caught.value.message
            assert ("it is tired" in caught.value.message) == (b"tired" in said)

    aio(run())


def test_who_is_not_there_is_told_of(tmp_path: Path) -> None:
    async def run() -> None:
        with pytest.raises(ServiceError, match="No such file") as caught:
            await ServiceHost(tmp_path / "none").qemus()
        assert "doctor" in caught.value.hint

    aio(run())


def test_changes_are_asked_for_from_where_one_was(tmp_path: Path) -> None:
    """Nothing new is no change, a gap is one; who begins again misses nothing."""
    told = [("e-1", False), ("e-1", False), ("e-2", False), ("e-2", True), ("f-0", True)]
    answers = [answer({"changes": [], "id": id, "reset": reset}) for id, reset in told]

    async def run() -> None:
        async with answering(tmp_path / "s", *answers) as made:
            host = ServiceHost(tmp_path / "s")
            async with aclosing(host.changes()) as changes:
                for _ in range(3):
                    await anext(changes)
            async with aclosing(host.changes()) as changes:
                await anext(changes)
            assert made.asked == [
                "/v1/changes",
                *["/v1/changes?since=e-1&wait=25"] * 2,
                "/v1/changes?since=e-2&wait=25",
                "/v1/changes?since=e-2",
            ]

    aio(run())


def test_one_that_is_asked_anew_or_gone_has_no_answer(tmp_path: Path) -> None:
    async def run() -> None:
        async with answering(tmp_path / "s", answer({}, 503), answer({}, 404), answer({})):
            host = ServiceHost(tmp_path / "s")
            assert [await host.capabilities("a b"), await host.capabilities("a")] == [None, None]
            with pytest.raises(ServiceError, match="cannot be read"):
                await host.capabilities("a")

    aio(run())
