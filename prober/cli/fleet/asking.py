"""Asking a fleet: a reader is asked, or what the store has is read here and now, and the question answered by it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from prober.cli import output
from prober.cli.files import with_place
from prober.cli.fleet.readers import client_of
from prober.cli.remote import check_reply
from prober.errors import ServiceError, UnreadableDomainError, UsageError
from prober.fleet.answer import FleetAnswer
from prober.fleet.judging import FleetJudge, FleetQuestion
from prober.fleet.known import Fleet
from prober.fleet.moments import local_time
from prober.fleet.reader import StoreReader, pulse_of
from prober.fleet.store.open import open_store
from prober.fleet.store.protocol import Pulse, Store
from prober.service.client import NOTHING
from prober.service.routes import Route

_SCHEMES = ("sqlite", "nats", "tls")

ASSUME = "assume_unknown_present"

#: How often (seconds) it is looked whether all were heard.
_LOOK_S = 0.2

A = TypeVar("A", bound=FleetAnswer)


@dataclass(frozen=True)
class FleetAsked:
    """Who answers: the reader on a socket or at an address, or what the store of an address has.

    ``listen_s`` is how long (seconds) the heartbeats of a store are listened to that has any.
    """

    store: str | None = None
    reader: str | None = None
    credentials: Path | None = None
    listen_s: float = 0.0

    def ask(
        self,
        route: Route,
        model: type[A],
        direct: Callable[[Fleet, FleetJudge], A],
        query: Mapping[str, str | bool | int | None],
        *,
        places: Mapping[str, str] = NOTHING,
        body: bytes = b"",
        file: str = "",
    ) -> A:
        """The answer to a question: what the reader says, or what ``direct`` makes of what the store has.

        ``file`` is where the ``body`` comes from.

        :raise ProberError: as the question does.
        """
        if self.reader is None:
            fleet = read_fleet(self)
            with output.ProgressLine() as progress:
                progress.show(f"asking {len(fleet.hosts)} hosts …")
                return direct(fleet, FleetJudge(fleet))
        with client_of(self.reader) as client, output.ProgressLine() as progress:
            progress.show("asking the reader …")
            try:
                answer = read_answer(check_reply(client.ask(route, places, told(query), body)), model)
            except UnreadableDomainError as error:
                raise with_place(error, file) if file else error from error
        note_away(answer)
        return answer


def told(query: Mapping[str, str | bool | int | None]) -> dict[str, str]:
    """The parameters of a query; what is None, false or empty is left out."""
    return {
        name: "true" if value is True else str(value)
        for name, value in query.items()
        if value is not None and value is not False and value != ""
    }


def read_answer(value: Any, model: type[A]) -> A:
    """The answer of a reader.

    :raise ServiceError: where it is none.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise ServiceError("the reader's answer cannot be read", hint="is it of this version of prober?") from error


def note_away(answer: FleetAnswer) -> None:
    """Say where a reader answers from what it knew before."""
    if answer.away is not None:
        output.note(f"prober: the reader's store is away: {answer.away}; this was so {as_of(answer.as_of)}")


def store_url(url: str | None) -> str:
    """The address of the store that is meant.

    :raise UsageError: where none is named, or it is no address of a store.
    """
    if url:
        scheme, _, rest = url.partition(":")
        if scheme not in _SCHEMES or not rest:
            raise UsageError(f"{url[:80]!r} is no address of a store", hint="sqlite:PATH, or nats://HOST:PORT")
        return url
    raise UsageError(
        "no fleet is named",
        hint="--store sqlite:PATH, or PROBER_FLEET_STORE; `prober fleet import` makes one; --reader asks a reader",
    )


def read_fleet(asked: FleetAsked) -> Fleet:
    """All that a store has.  What of it is damaged is told on stderr, and counts for nothing.

    Where it has heartbeats, they are listened to: who is not heard is silent.

    :raise UsageError: where no store is named.
    :raise StoreError: where it cannot be read.
    """
    fleet = Fleet()

    async def read() -> StoreReader:
        store = await open_store(store_url(asked.store), asked.credentials)
        try:
            return await _read(store, fleet, asked.listen_s)
        finally:
            await store.close()

    reader = asyncio.run(read())
    for words in reader.damaged.values():
        output.note(f"prober: left out: {words}")
    return fleet


async def _read(store: Store, fleet: Fleet, listen_s: float) -> StoreReader:
    reader, pulse = StoreReader(store, fleet), pulse_of(store)
    with output.ProgressLine() as progress:
        progress.show("reading the store …")
        if pulse is None:
            await reader.catch_up()
            return reader
        heard = await _listen(reader, pulse, fleet, listen_s, progress)
    silent = fleet.hosts.keys() - heard
    for host in silent:
        fleet.hush(host, time.time() - listen_s)
    if silent:
        output.note(
            f"prober: {len(silent)} of {len(fleet.hosts)} hosts were not heard within {listen_s:g} s and count as "
            "silent; a reader (prober fleet serve) knows without waiting"
        )
    return reader


async def _listen(
    reader: StoreReader, pulse: Pulse, fleet: Fleet, listen_s: float, progress: output.ProgressLine
) -> set[str]:
    """Who was heard meanwhile; nobody waits for those that were heard already."""
    heard: set[str] = set()
    loop = asyncio.get_running_loop()
    until = loop.time() + listen_s
    listening = asyncio.ensure_future(_hear(pulse, heard))
    try:
        await reader.catch_up()
        while (missing := len(fleet.hosts.keys() - heard)) and (left := until - loop.time()) > 0:
            progress.show(f"{missing} of {len(fleet.hosts)} hosts were not heard yet, {left:.0f} s to go …")
            await asyncio.sleep(min(_LOOK_S, left))
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    return heard


async def _hear(pulse: Pulse, heard: set[str]) -> None:
    async with aclosing(pulse.beats()) as beats:
        async for beat in beats:
            heard.add(beat.host)


def make_question(xml: bytes, path: str, any_emulator: bool, assume: bool = False) -> FleetQuestion:
    """The domain of a file, as a question.

    :raise UnreadableDomainError: where there is none.
    """
    try:
        return FleetQuestion(xml, any_emulator, assume)
    except UnreadableDomainError as error:
        raise with_place(error, path) from error


def as_of(seconds: float) -> str:
    """``as of 2026-11-29 21:00:07``."""
    return f"as of {local_time(seconds)}"


def in_pages(following: str | None, of: str) -> None:
    """Say how to get the next page, where there is one."""
    if following is not None:
        output.note(f"more {of}: --after {following}")
