"""What the service does not need to be ready: it is imported later, in a thread, or done by workers.

Most of what is told of types and commands is never asked, so it is imported by whoever asks first.  The pipeline from
XML to argv is imported by the workers alone (:mod:`prober.service.workers`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeAlias

from pydantic import BaseModel

from prober.capabilities import Capabilities
from prober.capabilities.catalog import Catalog
from prober.errors import BusyError, ServiceError
from prober.service.problems import ToldError
from prober.service.questions import (
    ArgvQuestion,
    DomainQuestion,
    DomainTranslator,
    ProofQuestion,
    ProofWorker,
    WorkAsker,
)
from prober.service.routes import Route
from prober.service.settings import ServiceSettings
from prober.service.translation import Translator, good_answer
from prober.service.workers.pool import OURSELVES, Pool

Answer: TypeAlias = Callable[[Route, str, Capabilities, Mapping[str, str]], BaseModel]


class Late:
    """Answers with what it imports when it is first wanted, and with the workers of a ``pool``, which it closes."""

    def __init__(self, catalog: Catalog, settings: ServiceSettings, pool: Pool) -> None:
        self._catalog = catalog
        self._settings = settings
        self._pool = pool
        self._translator = Translator(catalog, pool, most=settings.max_body)
        self._prover: ProofWorker | None = None
        self._is_closed = False
        self._answer: Answer | None = None
        self._description: bytes | None = None
        self._lock = asyncio.Lock()

    async def translate(self, question: DomainQuestion, asker: WorkAsker) -> bytes:
        """The translation of a domain, as JSON.

        :raise ProberError: as :meth:`prober.service.translation.Translator.translate` does.
        """
        return await self._translator.translate(question, asker)

    async def check_argv(self, question: ArgvQuestion, asker: WorkAsker) -> bytes:
        """What is found of an argv, as JSON.

        :raise ProberError: as :meth:`prober.service.translation.Translator.check_argv` does.
        """
        return await self._translator.check_argv(question, asker)

    async def prove(self, question: ProofQuestion, asker: WorkAsker) -> bytes:
        """What a QEMU makes of a line or of a domain, as JSON.

        :raise ProberError: as :meth:`prober.service.proving.Proving.prove` does.
        """
        return await (self._prover or await self._load_prover()).prove(question, asker)

    async def close(self) -> None:
        """Stop what is being proven and worked on; nothing of it is left, and nothing more is begun.  May be called
        twice."""
        async with self._lock:
            self._is_closed = True
            await self._pool.close()
            if self._prover is not None:
                await self._prover.close()

    async def read_host(self) -> None:
        """Read what the host brings along.

        :raise ServiceError: where its file cannot be read or understood.
        """
        try:
            good_answer(await self._pool.ask({"do": "host"}, b"", OURSELVES))
        except ToldError as error:
            raise ServiceError(error.message, hint=error.hint) from error

    async def answer_of_one(self, route: Route, ident: str, caps: Capabilities, places: Mapping[str, str]) -> BaseModel:
        """What a binary has of what a route is for (:func:`prober.service.answers.answer_of_one`)."""
        if self._answer is None:
            self._answer = await asyncio.to_thread(_import_answer)
        return self._answer(route, ident, caps, places)

    async def describe(self) -> bytes:
        """The description of the routes, as JSON."""
        async with self._lock:
            if self._description is None:
                self._description = good_answer(await self._pool.ask({"do": "describe"}, b"", OURSELVES))
        return self._description

    async def load(self) -> None:
        """Start the workers, where that was not done yet, and wait until they are there."""
        await self._pool.load()

    async def _load_prover(self) -> ProofWorker:
        async with self._lock:
            if self._is_closed:
                raise BusyError("the service is being stopped", hint="ask again when it is back")
            if self._prover is None:
                make = await asyncio.to_thread(_import_prover)
                self._prover = make(self._catalog, self._translator, self._settings)
        return self._prover


def _import_prover() -> Callable[[Catalog, DomainTranslator, ServiceSettings], ProofWorker]:
    from prober.service.prover.choose import make_prover

    return make_prover


def _import_answer() -> Answer:
    from prober.service.answers import answer_of_one

    return answer_of_one
