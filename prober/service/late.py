"""What the service does not need to be ready: it is imported later, in a thread, or done by workers.

Most of what is told of types and commands is never asked, so it is imported by whoever asks first.  The pipeline from
XML to argv is imported by the workers alone (:mod:`prober.service.workers`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeAlias

from pydantic import BaseModel

from prober.capabilities import Capabilities
from prober.capabilities.catalog import Catalog
from prober.capabilities.entry import Entry
from prober.service.questions import (
    ArgvBody,
    ArgvQuestion,
    DomainQuestion,
    DomainsQuestion,
    DomainTranslator,
    PlugQuestion,
    ProofQuestion,
    ProofWorker,
    RehearsalQuestion,
    WorkAsker,
    stopping,
)
from prober.service.routes import Route
from prober.service.settings import ServiceSettings
from prober.service.translation import Translator, good_answer
from prober.service.workers.pool import OURSELVES, WorkerPool, pool_settings

Answer: TypeAlias = Callable[[Route, str, Capabilities, Mapping[str, str]], BaseModel]


class Examiner(Protocol):
    """Who looks at the host."""

    async def report(self) -> BaseModel:
        """What is seen of it."""
        ...


class Late:
    """Answers with what it imports when it is first wanted, and with the workers of a ``pool``, which it closes."""

    def __init__(
        self,
        catalog: Catalog,
        settings: ServiceSettings,
        pool: WorkerPool,
        load: Callable[[], ServiceSettings] | None = None,
    ) -> None:
        """``load`` reads the settings as they are told now."""
        self._catalog = catalog
        self._load = load
        self._doctor: Examiner | None = None
        self._settings = settings
        self._pool = pool
        self._translator = Translator(catalog, pool, most=settings.max_body)
        self._prover: ProofWorker | None = None
        #: How many questions each is proving.
        self._proving: Counter[ProofWorker] = Counter()
        #: Those of earlier settings, as long as they prove something: that is told to its end.
        self._retired: list[ProofWorker] = []
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

    async def split(self, argv: ArgvBody, asker: WorkAsker) -> tuple[str, ...]:
        """The words of an argv.

        :raise ProberError: as :meth:`prober.service.translation.Translator.split` does.
        """
        return await self._translator.split(argv, asker)

    async def prove(self, question: ProofQuestion, asker: WorkAsker) -> bytes:
        """What a QEMU makes of a line or of a domain, as JSON.

        :raise ProberError: as :meth:`prober.service.proving.Proving.prove` does.
        """
        async with self._proving_with() as prover:
            return await prover.prove(question, asker)

    async def rehearse(self, question: RehearsalQuestion, asker: WorkAsker) -> bytes:
        """What came of a rehearsal, as JSON.

        :raise ProberError: as :meth:`prober.service.rehearsing.ServiceRehearsing.rehearse` does.
        """
        async with self._proving_with() as prover:
            return await prover.rehearse(question, asker)

    @asynccontextmanager
    async def _proving_with(self) -> AsyncIterator[ProofWorker]:
        """Whoever proves by the settings of now, who is not closed before this is over."""
        prover = self._prover or await self._load_prover()
        self._proving[prover] += 1
        try:
            yield prover
        finally:
            self._proving[prover] -= 1
            if not self._proving[prover]:
                del self._proving[prover]
                if prover in self._retired:
                    self._retired.remove(prover)
                    await prover.close()

    @property
    def settings(self) -> ServiceSettings:
        """Those that hold now."""
        return self._settings

    def is_alive(self) -> bool:
        """Whether the workers get on (:meth:`prober.service.workers.pool.WorkerPool.is_alive`)."""
        return self._pool.is_alive()

    async def adopt(self, settings: ServiceSettings) -> None:
        """Go on by other settings, and with the host as its file says now.

        What is being worked on is finished as it was begun.

        :raise ServiceError: where the host's file cannot be read or understood; nothing has changed then.
        """
        async with self._lock:
            await self._pool.adopt(pool_settings(settings))
            before, self._settings = self._settings, settings
            self._translator = Translator(self._catalog, self._pool, most=settings.max_body)
            if self._prover is not None and _prover_differs(before, settings):
                before_it, self._prover = self._prover, None
                if before_it in self._proving:
                    self._retired.append(before_it)
                else:
                    await before_it.close()

    async def close(self) -> None:
        """Stop what is being proven and worked on; nothing of it is left, and nothing more is begun.  May be called
        twice."""
        # Without the lock: whoever has it may be waiting for a worker.
        self._is_closed = True
        await self._pool.close()
        async with self._lock:
            for prover in (self._prover, *self._retired):
                if prover is not None:
                    await prover.close()

    async def read_host(self) -> None:
        """Read what the host brings along.

        :raise ServiceError: where its file cannot be read or understood.
        """
        await self._pool.read_host()

    async def answer_of_one(self, route: Route, ident: str, caps: Capabilities, places: Mapping[str, str]) -> BaseModel:
        """What a binary has of what a route is for (:func:`prober.service.answers.answer_of_one`)."""
        if self._answer is None:
            self._answer = await asyncio.to_thread(_import_answer)
        return self._answer(route, ident, caps, places)

    async def answer_by_worker(
        self, route: Route, ident: str, caps: Capabilities, places: Mapping[str, str], asker: WorkAsker
    ) -> bytes:
        """The same as JSON, worked out by a worker: for what takes long.

        :raise ToldError: where there is nothing to be told of.
        :raise BusyError: where too much is asked at once.
        """
        head = {"do": "answer", "route": route.name, "ident": ident, "places": dict(places)}
        return await self.work_out(head, b"", asker, caps)

    async def plug_commands(self, question: PlugQuestion, asker: WorkAsker) -> bytes:
        """The commands that devices of a domain come to, as JSON; nothing is started, and a recording does.

        :raise ToldError: where something cannot be read, or is refused.
        :raise UnknownBinaryError: where the catalog has no such binary.
        :raise BusyError: where too much is asked at once.
        """
        found, caps = await self._catalog.use(question.ident)
        head = {
            "do": "plug",
            "only": True,
            "assume": question.assume_unknown_present,
            "most": self._settings.max_body,
            "path": found.path,
            "paths": found.paths,
            "is_recording": found.kind == "recording",
        }
        return await self.work_out(head, question.body, asker, caps)

    async def work_out(
        self, head: Mapping[str, Any], body: bytes, asker: WorkAsker, caps: Capabilities | None = None
    ) -> bytes:
        """What a worker makes of a question that is about one binary, or none.

        :raise ToldError: where it says why there is no answer.
        :raise BusyError: where too much is asked at once.
        """
        return good_answer(await self._pool.ask(head, body, asker, caps))

    async def tell_domains(
        self, question: DomainsQuestion, entry: Entry, caps: Capabilities, asker: WorkAsker
    ) -> bytes:
        """What domains of a binary may have, as JSON (:func:`prober.export.domcapabilities.tell_domains`).

        :raise ToldError: where it has no such machine, or cannot tell of the type or the architecture.
        :raise BusyError: where too much is asked at once.
        """
        # A recording is no program: QEMU is then where it usually is.
        path = entry.path if entry.kind == "binary" else None
        head = {"do": "domcapabilities", "ident": entry.id, "path": path, "asked": question._asdict()}
        return good_answer(await self._pool.ask(head, b"", asker, caps))

    async def describe(self) -> bytes:
        """The description of the routes, as JSON."""
        async with self._lock:
            if self._description is None:
                self._description = good_answer(await self._pool.ask({"do": "describe"}, b"", OURSELVES))
        return self._description

    async def examine(self) -> BaseModel:
        """What the service sees of its host (:class:`prober.service.doctor.observed.HostReport`)."""
        if self._doctor is None:
            make = await asyncio.to_thread(_import_doctor)
            self._doctor = self._doctor or make(lambda: self._settings, self._catalog.entries, self._load)
        return await self._doctor.report()

    async def look_at_host(self) -> BaseModel:
        """This host's kernel and CPU as they are now (:class:`prober.host.facts.HostFacts`)."""
        return await asyncio.to_thread(_look_at_host)

    async def load(self) -> None:
        """Start the workers, where that was not done yet, and wait until they are there."""
        await self._pool.load()

    async def _load_prover(self) -> ProofWorker:
        async with self._lock:
            if self._is_closed:
                raise stopping()
            if self._prover is None:
                make = await asyncio.to_thread(_import_prover)
                self._prover = make(self._catalog, self, self._settings)
        return self._prover


def _prover_differs(old: ServiceSettings, new: ServiceSettings) -> bool:
    names = ("prover_socket", "max_proofs", "max_waiting_proofs", "max_body")
    return any(getattr(old, name) != getattr(new, name) for name in names)


def _import_prover() -> Callable[[Catalog, DomainTranslator, ServiceSettings], ProofWorker]:
    from prober.service.prover.choose import make_prover

    return make_prover


def _import_doctor() -> Callable[..., Examiner]:
    from prober.service.doctor.examine import Doctor

    return Doctor


def _look_at_host() -> BaseModel:
    from prober.host.look import read_host_facts

    return read_host_facts()


def _import_answer() -> Answer:
    from prober.service.answers import answer_of_one

    return answer_of_one
