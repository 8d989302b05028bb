"""The service's side of a prover that is another process: it is asked on its unix socket."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from prober.capabilities.gently import json_gently
from prober.errors import BusyError, ProberError, ProverError, ServiceError
from prober.proof.models import Proof
from prober.proof.store import rules_version
from prober.proof.subject import LineRequest
from prober.proof.watched import step_watcher
from prober.rehearsal.statefile import MOST_FILE
from prober.service.logs.requests import REQUEST_ID
from prober.service.prover.complaints import error_of
from prober.service.prover.frames import (
    MOST_ANSWER,
    MOST_CAPABILITIES,
    ProofAnswer,
    ProofAsked,
    end,
    parse,
    read_frame,
    write_frame,
)
from prober.service.prover.judge import Known
from prober.service.prover.tasks import RehearsalAsked, Rehearsed
from prober.service.questions import stopping

T = TypeVar("T")

#: So many questions are forwarded at once, those of clients that have gone among them.
_MOST = 128

#: The seconds that the prover may take to answer: its whole queue may be before this question.
_ANSWER_S = 900.0


class ForwardingJudge:
    """Has the prover on ``socket`` judge lines and rehearse.  Nothing is remembered on this side."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._under_way: set[asyncio.Task[tuple[ProofAnswer, bytes]]] = set()
        self._is_closed = False

    async def judge(self, known: Known, request: LineRequest) -> Proof:
        """The prover's verdict (:meth:`prober.service.prover.judge.Judge.judge`).

        :raise ProverError: where there is no prover, or it went away.
        """
        asked = ProofAsked(
            rules=await asyncio.to_thread(rules_version),
            request=REQUEST_ID.get(),
            fingerprint=known.fingerprint,
            words=request.words,
            anyway=request.anyway,
            assume_unknown_present=request.assume_unknown_present,
            watched=step_watcher() is not None,
        )
        answer, _ = await self._forward(asked, [known])
        if answer.proof is None:
            raise _with_nothing()
        return answer.proof

    async def rehearse(self, knowns: Sequence[Known], asked: RehearsalAsked) -> Rehearsed:
        """What the prover says of a rehearsal (:meth:`prober.service.prover.judge.Judge.rehearse`).

        :raise ProverError: where there is no prover, or it went away.
        """
        fingerprints = [known.fingerprint for known in knowns]
        question = ProofAsked(
            rules=await asyncio.to_thread(rules_version),
            request=REQUEST_ID.get(),
            fingerprint=fingerprints[0],
            destination=fingerprints[1] if fingerprints[1:] else None,
            rehearsal=asked.task,
            with_file=bool(asked.file),
            watched=step_watcher() is not None,
        )
        answer, file = await self._forward(question, knowns, asked.file)
        if answer.rehearsed is None:
            raise _with_nothing()
        return Rehearsed(answer.rehearsed, file)

    async def _forward(
        self, asked: ProofAsked, knowns: Sequence[Known], file: bytes = b""
    ) -> tuple[ProofAnswer, bytes]:
        """The answer of the prover, and the bytes that came with it; it works on where the asker goes away."""
        if self._is_closed or len(self._under_way) >= _MOST:
            raise BusyError("too many lines wait to be proven", hint="try again in a second")
        task = asyncio.ensure_future(self._bounded(self._ask(asked, knowns, file)))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.cancelled() or not self._is_closed:
                raise
            raise stopping() from None

    async def close(self) -> None:
        """Stop all that is under way.  May be called twice."""
        self._is_closed = True
        tasks = [*self._under_way]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _bounded(self, work: Coroutine[Any, Any, T]) -> T:
        """Errors of the socket as those of prober."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await work
        except (FileNotFoundError, ConnectionRefusedError, PermissionError) as error:
            raise ProverError(
                f"there is no prover to be asked on {self._socket}: {error.strerror}",
                hint="`systemctl start prober-prover.socket` starts it; without one set prover_socket to nothing",
            ) from error
        except TimeoutError as error:
            raise ProverError(f"the prover gave no answer within {_ANSWER_S:g} seconds") from error
        except (EOFError, OSError) as error:
            raise ProverError("the prover ended before it answered", hint="ask again; its log may say why") from error
        except ServiceError as error:
            raise ProverError(error.message, hint=error.hint) from error

    async def _ask(self, asked: ProofAsked, knowns: Sequence[Known], file: bytes) -> tuple[ProofAnswer, bytes]:
        source, sink = await asyncio.open_unix_connection(self._socket)
        try:
            await write_frame(sink, asked.model_dump_json().encode())
            if file:
                await write_frame(sink, file)
            answer = await _next_answer(source)
            for _ in knowns:
                if answer.wants_capabilities and answer.wanted_of < len(knowns):
                    await write_frame(sink, await _capabilities(knowns[answer.wanted_of]))
                    answer = await _next_answer(source)
            kept = await read_frame(source, MOST_FILE) if answer.with_file else b""
        finally:
            await end(sink)
        if answer.error is not None:
            error: ProberError = error_of(answer.error)
            raise error
        return answer, kept


async def _next_answer(source: asyncio.StreamReader) -> ProofAnswer:
    """What the prover says next; steps are handed on to whoever watches, and come before it."""
    watcher = step_watcher()
    while (answer := parse(ProofAnswer, await read_frame(source, MOST_ANSWER))).step is not None:
        if watcher is not None:
            watcher(answer.step)
    return answer


async def _capabilities(known: Known) -> bytes:
    data = await json_gently(known.capabilities)
    if len(data) > MOST_CAPABILITIES:
        raise ServiceError(f"what {known.path} can do takes {len(data)} bytes, which is more than the prover takes")
    return data


def _with_nothing() -> ProverError:
    return ProverError("the prover answered with nothing")
