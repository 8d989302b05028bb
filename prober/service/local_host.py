"""The QEMUs of this host for the agent of a fleet, as the service on its socket knows them.

A question that waits for a change takes half a minute, so this asks on the event loop, a connection for each question.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from prober.capabilities.capabilities import Capabilities
from prober.errors import ServiceError
from prober.fleet.agent.local import LocalQemu
from prober.service.client import MAX_RESPONSE_BYTES, NOTHING, read_head
from prober.service.replies import BinaryList, ChangeList
from prober.service.routes import BINARIES, CAPABILITIES, CHANGES, Route

#: How long (seconds) a question for changes waits, and how long any other may take besides.
_WAIT_S, _TIMEOUT_S = 25, 20.0

_MOST_HEAD, _HEAD_END = 65536, b"\r\n\r\n"

M = TypeVar("M", bound=BaseModel)


class ServiceHost:
    """See :class:`~prober.fleet.agent.local.LocalHost`; recordings that stand in for a QEMU are none of this host's."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._since = ""

    async def changes(self) -> AsyncGenerator[None, None]:
        """See there.  What came between two calls is told by the second one."""
        told = await self._changes({"since": self._since} if self._since else {})
        while True:
            self._since = told.id
            yield
            while told.id == self._since and not told.reset:
                told = await self._changes({"since": self._since, "wait": str(_WAIT_S)})

    async def qemus(self) -> list[LocalQemu]:
        """See there."""
        entries = self._read(BinaryList, *await self._ask(BINARIES)).binaries
        return [
            LocalQemu(
                entry.id,
                entry.path,
                blake2b(f"{entry.asked_at} {entry.fingerprint}".encode(), digest_size=16).hexdigest(),
                entry.state == "ready",
                entry.state in ("waiting", "asking"),
            )
            for entry in entries
            if entry.kind == "binary"
        ]

    async def capabilities(self, id: str) -> Capabilities | None:
        """See there."""
        status, body = await self._ask(CAPABILITIES, {"id": id})
        if status in (404, 503):
            return None
        return await asyncio.to_thread(self._read, Capabilities, status, body)

    async def _changes(self, query: Mapping[str, str]) -> ChangeList:
        return self._read(ChangeList, *await self._ask(CHANGES, NOTHING, query))

    def _read(self, kind: type[M], status: int, body: bytes) -> M:
        if status != 200:
            said = _said(body) or f"it answered {status}"
            raise ServiceError(f"the service on {self._socket} does not tell: {said}", hint="see `prober doctor`")
        try:
            return kind.model_validate_json(body)
        except ValidationError as error:
            raise self._strange() from error

    def _strange(self) -> ServiceError:
        return ServiceError(
            f"what the service on {self._socket} answers cannot be read",
            hint="it may be another version than the agent: restart both",
        )

    async def _ask(
        self, route: Route, places: Mapping[str, str] = NOTHING, query: Mapping[str, str] = NOTHING
    ) -> tuple[int, bytes]:
        request = f"{route.method} {route.url(places, query)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        try:
            async with asyncio.timeout(_WAIT_S + _TIMEOUT_S):
                reader, writer = await asyncio.open_unix_connection(self._socket, limit=_MOST_HEAD)
                try:
                    writer.write(request.encode())
                    return await self._answer(reader)
                finally:
                    writer.close()
        except TimeoutError as error:
            raise ServiceError(f"no answer on {self._socket} in time", hint="see `prober doctor`") from error
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:
            said = getattr(error, "strerror", None) or "the connection was closed"
            hint = "is the service running, and are you in the group of its socket? `prober doctor` tells"
            raise ServiceError(f"the service on {self._socket} does not answer: {said}", hint=hint) from error

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        told = read_head((await reader.readuntil(_HEAD_END)).removesuffix(_HEAD_END))
        if told is None:
            raise self._strange()
        status, length, _ = told
        if length > MAX_RESPONSE_BYTES:
            raise ServiceError(f"the answer on {self._socket} is larger than {MAX_RESPONSE_BYTES} bytes")
        return status, await reader.readexactly(length)


def _said(body: bytes) -> str:
    """What a problem says."""
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return str(told.get("detail", ""))[:300] if isinstance(told, dict) else ""
