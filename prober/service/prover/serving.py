"""The prover as a process: it listens on a socket, and proves lines and rehearses for the service that may ask it.

Nothing that the service sends chooses a program to run: it names one of the binaries that this process finds by its own
settings, and what it knows of it has to be of the file that is there now.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

from prober.capabilities import Capabilities
from prober.capabilities.find import CatalogSettings, FoundFile, find_all
from prober.capabilities.fingerprint import Fingerprint, differs
from prober.capabilities.watching import make_fingerprinter
from prober.errors import BinaryFailedError, BusyError, ForbiddenError, ProberError, ServiceError
from prober.proof.models import Proof
from prober.proof.store import rules_version
from prober.proof.subject import LineRequest
from prober.proof.watched import WorkStep, watch_steps
from prober.rehearsal.statefile import MOST_FILE
from prober.service.logs.requests import REQUEST_ID
from prober.service.peers import Admitted, peer_of
from prober.service.prover.complaints import complaint_of
from prober.service.prover.frames import (
    MOST_ASKED,
    MOST_CAPABILITIES,
    ProofAnswer,
    ProofAsked,
    end,
    parse,
    put_frame,
    read_frame,
    write_frame,
)
from prober.service.prover.judge import Judge, Known
from prober.service.prover.tasks import RehearsalAsked
from prober.service.remembered import Remembered

log = logging.getLogger(__name__)

#: The seconds that a question, and what is sent of a binary, may take to arrive.
_ARRIVAL_S = 10.0

#: So many are connected at once.
_MOST_CONNECTED = 160

#: How many bytes of JSON of what binaries can do are kept at once; each takes some three times as much.
_MOST_KEPT = 256 << 20

_CHUNK = 1 << 16

Tell = Callable[[ProofAnswer], Awaitable[None]]


class Proofs:
    """Answers those who connect and are ``admitted``, with a ``judge``, for the binaries of ``catalog``."""

    def __init__(self, judge: Judge, admitted: Admitted, catalog: CatalogSettings) -> None:
        self._judge = judge
        self._admitted = admitted
        self._catalog = catalog
        self._capabilities: Remembered[str, Capabilities] = Remembered(_MOST_KEPT)
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle_since = asyncio.get_running_loop().time()

    def idle_s(self) -> float:
        """For how many seconds nobody has been connected."""
        return 0.0 if self._tasks else asyncio.get_running_loop().time() - self._idle_since

    def is_idle(self) -> bool:
        """Whether nobody is connected."""
        return not self._tasks

    async def take(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """One connection, from beginning to end.  Never raises."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._answer(source, sink)
        except (EOFError, OSError, TimeoutError) as error:
            log.info("a question did not come to its end: %s", error)
        except Exception:
            log.exception("a question could not be answered: a fault in prober itself")
        finally:
            await end(sink)
            self._tasks.discard(task)
            self._idle_since = asyncio.get_running_loop().time()

    async def close(self, grace: float) -> None:
        """Stop what is proven, and end all connections, after ``grace`` seconds at the latest."""
        await self._judge.close()
        tasks = [*self._tasks]
        if tasks:
            await asyncio.wait(tasks, timeout=grace)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        async def tell(answer: ProofAnswer) -> None:
            async with asyncio.timeout(_ARRIVAL_S):
                await write_frame(sink, answer.model_dump_json(exclude_defaults=True).encode())

        try:
            answer, file = await self._work(source, sink, tell)
        except ForbiddenError as error:
            await tell(ProofAnswer(error=complaint_of(error)))
            return  # Such a one does not keep us any longer.
        except ProberError as error:
            await tell(ProofAnswer(error=complaint_of(error)))
        else:
            await tell(answer)
            if answer.with_file:
                async with asyncio.timeout(_ARRIVAL_S):
                    await write_frame(sink, file)
        # To end before the other side has may lose what was written: it may be writing itself.
        with suppress(TimeoutError):
            async with asyncio.timeout(_ARRIVAL_S):
                while await source.read(_CHUNK):
                    pass

    async def _work(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, tell: Tell
    ) -> tuple[ProofAnswer, bytes]:
        """The answer, and the bytes that go with it."""
        self._require_admitted(sink)
        async with asyncio.timeout(_ARRIVAL_S):
            asked = parse(ProofAsked, await read_frame(source, MOST_ASKED))
            file = await read_frame(source, MOST_FILE) if asked.with_file else b""
        REQUEST_ID.set(asked.request)
        if asked.watched:
            watch_steps(partial(_tell_step, sink))
        if asked.rules != await asyncio.to_thread(rules_version):
            raise ServiceError("the service and its prover are of two versions", hint="start both again")
        binaries = [asked.fingerprint] if asked.destination is None else [asked.fingerprint, asked.destination]
        knowns = [await self._know(number, one, source, tell) for number, one in enumerate(binaries)]
        if asked.rehearsal is not None:
            return await self._rehearse(knowns, RehearsalAsked(asked.rehearsal, file))
        return ProofAnswer(proof=await self._prove(knowns[0], asked)), b""

    async def _know(self, number: int, asked: Fingerprint, source: asyncio.StreamReader, tell: Tell) -> Known:
        """One of the binaries that is asked about, which is as the service knows it."""
        fingerprint = await asyncio.to_thread(_find, self._catalog, asked)
        key = asked.model_dump_json()
        capabilities = self._capabilities.find(key)
        if capabilities is None:
            await tell(ProofAnswer(wants_capabilities=True, wanted_of=number))
            async with asyncio.timeout(_ARRIVAL_S):
                data = await read_frame(source, MOST_CAPABILITIES)
            capabilities = await asyncio.to_thread(parse, Capabilities, data)
            self._capabilities.keep(key, capabilities, len(data))
        return Known(fingerprint.path, capabilities, fingerprint, asked)

    async def _prove(self, known: Known, asked: ProofAsked) -> Proof:
        request = LineRequest(asked.words, asked.anyway, asked.assume_unknown_present)
        proof = await self._judge.judge(known, request)
        fields = {"event": "proof", "binary": known.path, "verdict": proof.verdict, "seconds": proof.seconds}
        said = "a line of %d words for %s: %s, after %.2f s"
        log.info(said, len(asked.words), known.path, proof.verdict, proof.seconds, extra={"fields": fields})
        return proof

    async def _rehearse(self, knowns: Sequence[Known], asked: RehearsalAsked) -> tuple[ProofAnswer, bytes]:
        told, file = await self._judge.rehearse(knowns, asked)
        what, binary = asked.task.do, knowns[0].path
        fields: dict[str, object] = {"event": "rehearsal", "what": what, "binary": binary}
        fields |= {"verdict": told.verdict, "seconds": told.seconds}
        log.info("%s with %s: %s, after %.2f s", what, binary, told.verdict, told.seconds, extra={"fields": fields})
        return ProofAnswer(rehearsed=told, with_file=bool(file)), file

    def _require_admitted(self, sink: asyncio.StreamWriter) -> None:
        """:raise ProberError: where this one may not ask, or too many do."""
        peer = peer_of(sink.get_extra_info("socket").fileno())
        try:
            self._admitted.require(peer, "ask the prover")
        except ForbiddenError:
            log.warning("user %d asks, and may not", peer.uid)
            raise
        if len(self._tasks) > _MOST_CONNECTED:
            raise BusyError("too many lines wait to be proven", hint="try again in a second")


def _tell_step(sink: asyncio.StreamWriter, step: WorkStep) -> None:
    """Nothing is waited for: steps are few and short, and who works does not mind who reads."""
    put_frame(sink, ProofAnswer(step=step).model_dump_json(exclude_defaults=True).encode())


def _find(catalog: CatalogSettings, asked: Fingerprint) -> Fingerprint:
    """The fingerprint, as it is now, of the binary that is asked about.  Blocks.

    :raise BinaryFailedError: where this process finds no such binary, or another than the service knows.
    """
    found = next((item for item in find_all(catalog) if item.path == asked.path and item.kind == "binary"), None)
    now = None if found is None else _look(catalog, found, asked)
    if now is None:
        hint = "has it the settings of the service (/etc/prober/prober.toml), and may its user see the file?"
        raise BinaryFailedError(f"the prover finds no binary {asked.path[:500]}", hint=hint)
    # Who may open /dev/kvm is another matter for either, and so is how the service asks.
    change = differs(_comparable(asked), _comparable(now))
    if change is not None:
        raise BinaryFailedError(f"{asked.path} is not what the service knows: {change}", hint="ask again")
    return now


def _look(catalog: CatalogSettings, found: FoundFile, asked: Fingerprint) -> Fingerprint | None:
    """What the service saw its QEMU run is looked at here as well: at most what is there and how it is dated."""
    with make_fingerprinter(catalog, watch=False) as fingerprinter:
        return fingerprinter.look(found, asked.files)


def _comparable(fingerprint: Fingerprint) -> Fingerprint:
    return fingerprint.model_copy(update={"kvm": None, "interview": ""})
