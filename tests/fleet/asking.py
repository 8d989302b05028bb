"""Asking a reader beside what else goes on in an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from prober.service.client import Client
from tests.fleet.reading import PATIENCE


class Asking:
    """A reader, asked in threads."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def get(self, path: str) -> Any:
        """An answer."""
        return await self._told(lambda: self._client.get(path))

    async def post(self, path: str, body: bytes) -> Any:
        """The answer about a domain."""
        return await self._told(lambda: self._client.post(path, body))

    async def until(self, path: str, is_so: Callable[[Any], object], body: bytes = b"") -> Any:
        """Ask until the answer is as it should be; that one."""
        answer: Any = None
        try:
            async with asyncio.timeout(PATIENCE):
                while not is_so(answer := await (self.post(path, body) if body else self.get(path))):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(answer) from None
        return answer

    async def _told(self, ask: Callable[[], Any]) -> Any:
        reply = await asyncio.to_thread(ask)
        assert reply.ok, reply
        return reply.value
