"""A prover on a real socket, in a thread of the test, whose judge says what the test tells it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prober.capabilities.find import CatalogSettings
from prober.errors import BusyError, ProberError
from prober.proof.models import Proof, ProofVerdict
from prober.proof.subject import LineRequest
from prober.rehearsal.keeping import StateSaved
from prober.rehearsal.models import Migration, SideTold
from prober.rehearsal.plug_models import PlugRehearsal
from prober.rehearsal.verdict import RehearsalVerdict
from prober.service.peers import Admitted
from prober.service.prover.judge import Known
from prober.service.prover.serving import Proofs
from prober.service.prover.tasks import PlugTask, RehearsalAsked, Rehearsed, SaveTask


@dataclass
class ToldJudge:
    """Finds every line proven, or raises ``failure``; notes who was asked what."""

    asked: list[tuple[Known, LineRequest]] = field(default_factory=list)
    rehearsed: list[tuple[tuple[Known, ...], RehearsalAsked]] = field(default_factory=list)
    state: bytes = b"state"
    failure: ProberError | None = None
    gate: threading.Event | None = None
    finished: int = 0
    is_closed: bool = False

    async def judge(self, known: Known, request: LineRequest) -> Proof:
        self.asked.append((known, request))
        while self.gate is not None and not self.gate.is_set():
            if self.is_closed:
                raise BusyError("it is being stopped")
            await asyncio.sleep(0.01)
        if self.failure is not None:
            raise self.failure
        self.finished += 1
        return proof_by(known)

    async def rehearse(self, knowns: Sequence[Known], asked: RehearsalAsked) -> Rehearsed:
        self.rehearsed.append((tuple(knowns), asked))
        if self.failure is not None:
            raise self.failure
        return rehearsed_by(knowns, asked, self.state)

    async def close(self) -> None:
        self.is_closed = True


def proof_by(known: Known) -> Proof:
    """That a binary takes a line."""
    return Proof(
        ground="proven",
        verdict=ProofVerdict.proven,
        binary=known.path,
        version=known.capabilities.version,
        accelerator="tcg",
    )


def rehearsed_by(knowns: Sequence[Known], asked: RehearsalAsked, state: bytes) -> Rehearsed:
    """That a binary takes what is plugged in, a guest, or a state; and a state that it gives."""
    sides = [SideTold(binary=known.path, version=known.capabilities.version) for known in knowns]
    good = RehearsalVerdict.rehearsed
    match asked.task:
        case PlugTask():
            told = PlugRehearsal(ground="proven", verdict=good, binary=sides[0].binary, version=sides[0].version)
            return Rehearsed(told)
        case SaveTask():
            return Rehearsed(StateSaved(verdict=good, source=sides[0], state_bytes=len(state)), state)
        case _:
            return Rehearsed(Migration(verdict=good, source=sides[0], destination=sides[-1]))


@contextmanager
def prover(path: Path, judge: ToldJudge, catalog: CatalogSettings, admitted: Admitted | None = None) -> Iterator[None]:
    """A prover that listens there meanwhile; at the end no task of it is left."""
    ready, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        proofs = Proofs(judge, admitted or Admitted(frozenset((0, os.geteuid())), who="root"), catalog)
        server = await asyncio.start_unix_server(proofs.take, path)
        ready.set()
        await stop.wait()
        server.close()
        await proofs.close(0.3)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    failed: list[BaseException] = []

    def target() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=target)
    thread.start()
    try:
        assert ready.wait(20)
        yield
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(20)
        path.unlink(missing_ok=True)
    assert not thread.is_alive()
    if failed:
        raise failed[0]
