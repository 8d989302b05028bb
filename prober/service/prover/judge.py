"""Who proves a line of a binary that the catalog knows, and the one that does it in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from prober.capabilities import Capabilities
from prober.capabilities.fingerprint import Fingerprint
from prober.proof.kvm import KvmTrial
from prober.proof.models import Proof
from prober.proof.prover import ProofLimits, Prover
from prober.proof.store import ProofStore
from prober.proof.subject import LineRequest, LineSubject
from prober.service.prover.rehearse import rehearse
from prober.service.prover.tasks import RehearsalAsked, Rehearsed
from prober.service.questions import stopping

T = TypeVar("T")


class Known(NamedTuple):
    """A binary of the catalog: its path, what it can do, and what that depends on.

    ``learned_by`` is what it depended on for whoever learned it, where that is another process.
    """

    path: str
    capabilities: Capabilities
    fingerprint: Fingerprint
    learned_by: Fingerprint | None = None

    def subject(self) -> LineSubject:
        """It, as what is started."""
        return LineSubject(self.path, self.capabilities, depends_on=self.depends_on(), programs=self.programs())

    def programs(self) -> frozenset[tuple[int, int]]:
        """The device and inode of each file that may be the QEMU: the binary, what a wrapper names, and what ran."""
        marks = (self.fingerprint.file, *self.fingerprint.programs, *self.fingerprint.files)
        return frozenset((mark.device, mark.inode) for mark in marks if mark.inode >= 0)

    def depends_on(self) -> str:
        """All that an answer depends on, as a text."""
        return "\n".join(one.model_dump_json() for one in (self.fingerprint, self.learned_by) if one is not None)


class Judge(Protocol):
    """Who has a QEMU judge lines."""

    async def judge(self, known: Known, request: LineRequest) -> Proof:
        """The verdict; where the asker goes away it is worked out and remembered all the same.

        :raise BusyError: where too much is asked at once, or this is being closed.
        :raise ConfinementError: where the QEMU cannot be confined.
        :raise QemuError: where it gives no verdict.
        """
        ...

    async def rehearse(self, knowns: Sequence[Known], asked: RehearsalAsked) -> Rehearsed:
        """What came of a rehearsal with these binaries, the source's first; in turn with what is proven.

        :raise BusyError: where too much is asked at once, or this is being closed.
        :raise StateFileError: where a state cannot be read, or not be kept.
        :raise ConfinementError: where a QEMU cannot be confined.
        :raise QemuError: where one gives no verdict.
        """
        ...

    async def close(self) -> None:
        """Stop all that is under way; nothing of it is left.  May be called twice."""
        ...


class OwnJudge:
    """Proves lines and rehearses in this process, with what is confined and remembered here.

    ``directory`` is where proofs are remembered, None for nowhere.
    """

    def __init__(self, directory: Path | None, limits: ProofLimits) -> None:
        self._store = None if directory is None else ProofStore(directory)
        self._prover = Prover(limits=limits, store=self._store)
        self._kvm = KvmTrial()
        self._is_closed = False

    async def judge(self, known: Known, request: LineRequest) -> Proof:
        """The verdict (:meth:`Judge.judge`)."""
        return await self._unless_closed(self._prover.prove(known.subject(), request))

    async def rehearse(self, knowns: Sequence[Known], asked: RehearsalAsked) -> Rehearsed:
        """What came of it (:meth:`Judge.rehearse`)."""
        subjects = [known.subject() for known in knowns]

        async def in_turn() -> Rehearsed:
            return await asyncio.shield(self._prover.turns.start(lambda: rehearse(subjects, asked, self._kvm)))

        return await self._unless_closed(in_turn())

    async def _unless_closed(self, work: Coroutine[Any, Any, T]) -> T:
        if self._is_closed:
            work.close()
            raise stopping()
        try:
            return await work
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._is_closed or (task is not None and task.cancelling()):
                raise
            # It is the work that was cancelled, and not the one who waits for it.
            raise stopping() from None

    async def close(self) -> None:
        """Stop all that is under way, and close what is remembered.  May be called twice."""
        self._is_closed = True
        await self._prover.close()
        if self._store is not None:
            await asyncio.to_thread(self._store.close)
