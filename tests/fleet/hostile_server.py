"""Somebody who listens where a NATS server should, lets everybody in, and answers as a test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

#: What is sent for a message: by its subject, the subject for the answer, and the number of the subscription for it.
Answer = Callable[[str, str, int], bytes]

INFO = {"server_id": "x", "version": "2.15.1", "headers": True, "max_payload": 1 << 20, "proto": 1}


def greeting(**more: object) -> bytes:
    """What a server begins with."""
    return b"INFO " + json.dumps({**INFO, **more}).encode() + b"\r\n"


def message(to: str, number: int, data: bytes, headers: bytes = b"", reply: str = "") -> bytes:
    """A message as a server sends it."""
    if headers:
        sizes = f"{len(headers)} {len(headers) + len(data)}"
        return f"HMSG {to} {number} {reply} {sizes}\r\n".encode() + headers + data + b"\r\n"
    return f"MSG {to} {number} {reply} {len(data)}\r\n".encode() + data + b"\r\n"


@asynccontextmanager
async def start_hostile(hello: bytes, answer: Answer = lambda *_: b"") -> AsyncIterator[str]:
    """The address of one; it is gone behind the block."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(hello)
            number = 0
            while line := await reader.readline():
                verb, *words = line.decode().split()
                if verb == "PING":
                    writer.write(b"PONG\r\n")
                elif verb == "SUB":
                    number = int(words[-1])
                elif verb in ("PUB", "HPUB"):
                    await reader.readexactly(int(words[-1]) + 2)
                    reply = words[1] if len(words) > 2 + (verb == "HPUB") else ""
                    writer.write(answer(words[0], reply, number))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
