"""nats-py's client, held to bounds, and one connection by it: made when it is needed, told in our errors.

The client reconnects by itself, but stays away for good after a server's word that it did not foresee.  So it is not
asked to: a connection that is lost is closed, and the next verb makes a new one.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.protocol.parser import Parser

from prober.errors import StoreError
from prober.fleet.blobs import MOST_KEPT
from prober.fleet.store.nkeys import Credentials
from prober.fleet.store.refusals import refusal

#: How long (seconds) one server may take to let one in, and to answer.
CONNECT_S, ANSWER_S = 3.0, 5.0

#: How long (seconds) after a failure the next verb fails at once instead of trying anew.
_SPARED_S = 0.3

#: The most bytes that are held of what is no whole message yet: the largest blob and its headers.
_MOST_HELD = MOST_KEPT + 64 * 1024

#: How many servers are remembered that a server tells of.
_MOST_SERVERS = 64

#: What the client raises, and what its reading of an answer that is none does.
ERRORS = (nats.errors.Error, OSError, TimeoutError, ValueError, TypeError, LookupError, AttributeError, AssertionError)

#: What is called with each message of a subscription: subject, reply subject, data, headers.
Taker = Callable[[bytes, bytes, bytes, bytes | None], None]

_NOT_THERE = "`prober fleet init` makes it, with its keeper's key; a cluster may have no leader for some seconds"

_SLOW = "the server may be busy, and a cluster has no leader for some seconds: try again"

_NOT_MAY = "a host's key writes what is that host's, a reader's only reads, a keeper's makes the streams"

_REFUSED = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)')


T = TypeVar("T")


@dataclass(frozen=True)
class StoreAddress:
    """Where the servers of a store are, and how one is known to them."""

    servers: tuple[str, ...]
    credentials: Credentials | None = None
    tls: ssl.SSLContext | None = None

    @property
    def inbox(self) -> str:
        """Where answers come to: a subject that only this user may listen to."""
        return f"_INBOX.{self.credentials.public_key}" if self.credentials else "_INBOX"


class _Parser(Parser):
    """Counts what it holds."""

    async def parse(self, data: bytes = b"") -> None:
        await super().parse(data)
        if len(self.buf) > _MOST_HELD or self.needed > _MOST_HELD:
            raise nats.errors.ProtocolError


class BoundedClient(Client):
    """The client, with bounds, and without detours for subscriptions that have a taker.

    The methods with an underscore are those of nats-py 2.16; the project's requirement names no later one.
    """

    def __init__(self, *, demands_tls: bool) -> None:
        super().__init__()
        self._ps = _Parser(self)
        self._demands_tls = demands_tls
        self.takers: dict[int, Taker] = {}
        #: What is called when the connection ends, by whatever.
        self.enders: list[Callable[[], None]] = []

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        # It would go on without where a server, or who stands between, asks for none.
        if initial_connection and self._demands_tls and not info.get("tls_required"):
            raise nats.errors.SecureConnWantedError
        if len(self._server_pool) < _MOST_SERVERS:
            info["connect_urls"] = (info.get("connect_urls") or [])[:_MOST_SERVERS]
            await super()._process_info(info, initial_connection)

    async def _flush_pending(self, force_flush: bool = False) -> Any:
        return await _heeded(super()._flush_pending(force_flush))

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        taker = self.takers.get(sid)
        if taker is None:
            await super()._process_msg(sid, subject, reply, data, headers)
        else:
            taker(subject, reply, data, headers)

    @property
    def is_reading(self) -> bool:
        """Whether it is connected and reads.  An error in its reading ends that, and nothing else."""
        return self.is_connected and self._reading_task is not None and not self._reading_task.done()

    async def take(self, subject: str, taker: Taker) -> int:
        """Have each message of a subject taken; a number for :meth:`leave`."""
        subscription = await self.subscribe(subject)
        self.takers[subscription._id] = taker
        return subscription._id

    async def leave(self, number: int) -> None:
        """End what :meth:`take` began."""
        self.takers.pop(number, None)
        subscription = self._subs.get(number)
        if subscription is not None and not self.is_closed:
            with suppress(*ERRORS):
                await subscription.unsubscribe()

    def drop(self) -> None:
        """End all that is left of it at once.

        Closing says that it is closed before it does anything, and where it is ended in the midst, by an error or by
        who waits no longer, whatever is left would stay: a second one does nothing.
        """
        for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
            if task is not None and not task.done():
                task.cancel()
        for subscription in self._subs.values():
            subscription._stop_processing()
        transport: Any = self._transport
        if transport is not None:
            transport.close()


class ServerConnection:
    """A connection to one of the servers, for the verbs of one store."""

    def __init__(self, address: StoreAddress) -> None:
        self.address = address
        self._client: BoundedClient | None = None
        self._lock = asyncio.Lock()
        self._failed: tuple[float, StoreError] | None = None
        #: What a server last said besides answers.
        self.said = ""
        self._asking: dict[asyncio.Future[Msg], str] = {}
        self._refused: dict[asyncio.Future[Msg], str] = {}
        self.is_closed = False

    async def client(self) -> BoundedClient:
        """A client that is connected.

        :raise StoreError: where no server lets one in.
        """
        async with self._lock:
            if self.is_closed:
                raise StoreError("the store is closed")
            if self._client is not None and self._client.is_reading:
                return self._client
            if self._failed is not None and time.monotonic() - self._failed[0] < _SPARED_S:
                raise self._failed[1]
            await self._let_go()
            try:
                self._client = await self._connected()
            except StoreError as error:
                self._failed = time.monotonic(), error
                raise
            return self._client

    async def request(
        self, subject: str, payload: bytes = b"", headers: dict[str, str] | None = None, *, seconds: float = ANSWER_S
    ) -> Msg:
        """What the store answers within some seconds.

        :raise StoreError: where nobody answers in time, nobody is there to, or the user may not ask.
        """
        client = await self.client()
        asking = asyncio.ensure_future(client.request(subject, payload, timeout=seconds, headers=headers))
        self._asking[asking] = subject
        try:
            return await _heeded(asking)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                asking.cancel()
                raise
            refused = self._refused.get(asking)
            if refused is None:
                raise StoreError("the store went away before it answered") from None
            raise StoreError(refused, hint=_NOT_MAY) from None
        except nats.errors.NoRespondersError as error:
            raise StoreError("there is no store of a fleet on this server now", hint=_NOT_THERE) from error
        except ERRORS as error:
            raise StoreError(f"the store does not answer: {_told(error)}", hint=self.said or _SLOW) from error
        finally:
            self._asking.pop(asking, None)
            self._refused.pop(asking, None)

    async def told(
        self, subject: str, payload: bytes, headers: dict[str, str] | None = None, *, seconds: float = ANSWER_S
    ) -> dict[str, Any]:
        """What JetStream answers to a message or a question: an object.

        :raise StoreError: as :meth:`request`, and where it will not have it.
        """
        answer = await self.answer(subject, payload, headers, seconds=seconds)
        if "error" in answer:
            raise refusal(answer["error"])
        return answer

    async def answer(
        self, subject: str, payload: bytes = b"", headers: dict[str, str] | None = None, *, seconds: float = ANSWER_S
    ) -> dict[str, Any]:
        """What JetStream answers: an object, in which ``error`` says that it will not have it.

        :raise StoreError: as :meth:`request`.
        """
        answer = await self.request(subject, payload, headers, seconds=seconds)
        try:
            told = json.loads(answer.data)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise StoreError("what the store answers cannot be read")
        return told

    async def close(self) -> None:
        """Close it for good."""
        self.is_closed = True
        async with self._lock:
            await self._let_go()

    async def _let_go(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await _closed(client)

    async def _connected(self) -> BoundedClient:
        told = {}
        for server in random.sample(self.address.servers, len(self.address.servers)):
            client = BoundedClient(demands_tls=self.address.tls is not None)
            self.said = ""
            try:
                async with asyncio.timeout(2 * CONNECT_S):
                    await _heeded(client.connect([server], **self._options(client)))
            except ERRORS as error:
                await _closed(client)
                told[server] = f"{server}: {self.said or _told(error)}"
            except BaseException:
                await _closed(client)
                raise
            else:
                return client
        raise StoreError(
            f"the store cannot be reached: {'; '.join(told[server] for server in self.address.servers)[:500]}",
            hint=self._what_helps(any("authorization" in one.lower() for one in told.values())),
        )

    def _what_helps(self, is_refused: bool) -> str:
        if self.address.credentials is None:  # Which of both it is, a server need not say.
            return "see whether it runs, and its address, and whether it asks for a key (--credentials)"
        if is_refused:
            return "see the credentials, and whether the server knows this key"
        return "see whether it runs, and its address"

    def _options(self, client: BoundedClient) -> dict[str, Any]:
        credentials = self.address.credentials
        options: dict[str, Any] = {
            "allow_reconnect": False,
            "max_reconnect_attempts": 1,
            "reconnect_time_wait": 0.1,
            "connect_timeout": CONNECT_S,
            "ping_interval": 20,
            "inbox_prefix": self.address.inbox,
            "error_cb": self._hear,
            "closed_cb": partial(self._end, client),
            "flush_timeout": ANSWER_S,
            "tls": self.address.tls,
        }
        if credentials is not None:
            options["signature_cb"] = credentials.sign
            client._public_nkey = credentials.public_key
            if (jwt := credentials.jwt) is not None:
                options["user_jwt_cb"] = lambda: jwt
        return options

    async def _hear(self, error: Exception) -> None:
        """What a server says besides answers."""
        self.said = _told(error)[:300]
        found = _REFUSED.search(self.said)
        for asking, subject in list(self._asking.items()) if found else ():
            # The client tells it in small letters.
            if found and found[1] == "publish" and found[2] == subject.lower():
                self._refused[asking] = f"this user may not publish {subject}"
                asking.cancel()

    async def _end(self, client: BoundedClient) -> None:
        for asking in list(self._asking):
            asking.cancel()
        for ender in list(client.enders):
            ender()


async def _closed(client: BoundedClient) -> None:
    try:
        with suppress(*ERRORS):
            async with asyncio.timeout(CONNECT_S):
                await client.close()
    finally:
        client.drop()


async def _heeded(work: Awaitable[T]) -> T:
    """What the client does; ended where this task was cancelled meanwhile, which the client forgets here and there: it
    waits by ``wait_for`` (:func:`~prober.fleet.pace.waited`), and takes a cancellation for nothing while it sends.
    """
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    try:
        return await work
    finally:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError


def _told(error: BaseException) -> str:
    text = str(error).removeprefix("nats: ")
    return text or type(error).__name__
