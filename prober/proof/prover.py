"""Proving a line: checked, made ready with stand-ins, started confined, read back, judged.

    words ──check──▶ findings ──stand in──▶ Bench ──start──▶ QEMU ──read back──▶ Outcome ──▶ Proof
                        └──▶ refused (checked)  └──▶ not provable       └──▶ refused, not provable

Equal questions at once start one QEMU, few QEMUs run at the same time, and few wait for their turn.  No process and no
file is left behind, whatever happens, cancellation included.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Literal

from prober.proof.bench import Bench
from prober.proof.checked import REFUSED_BY_CHECK, CheckedLine, check_line
from prober.proof.given import given_options
from prober.proof.kvm import KvmTrial
from prober.proof.live import ReadBack
from prober.proof.memory import is_short_of_memory, use_untouched_memory
from prober.proof.models import Proof, ProofVerdict
from prober.proof.outcome import Outcome
from prober.proof.secrets import hide, secrets_of
from prober.proof.start import start_line
from prober.proof.store import ProofStore, key_of
from prober.proof.subject import LineRequest, LineSubject
from prober.proof.turns import ProofTurns
from prober.proof.unseen import unseen_error
from prober.proof.watched import tell_step
from prober.qemu.box.find import find_box, open_box
from prober.qemu.box.forms import Form
from prober.qemu.box.judged import MappedFile
from prober.qemu.box.opened import STAND_IN


@dataclass(frozen=True)
class ProofLimits:
    """``wall_s`` bounds one start, from the launch to the last value read (seconds).  ``at_once`` QEMUs run at the same
    time, ``waiting`` questions wait for their turn."""

    wall_s: float = 20.0
    at_once: int = 0
    waiting: int = 64

    @property
    def processes(self) -> int:
        """How many run at the same time: as many as there are processors, and two at least."""
        return self.at_once or max(2, len(os.sched_getaffinity(0)))


class Prover:
    """Proves lines.  For one event loop.

    ``store`` remembers, and is closed by whoever made it.  ``form`` asks for this form of confinement and no other.
    """

    def __init__(
        self, *, limits: ProofLimits | None = None, store: ProofStore | None = None, form: Form | None = None
    ) -> None:
        self._form = form
        self._limits = limits or ProofLimits()
        self._store = store
        #: Whatever else starts QEMUs here has its turn with the proofs.
        self.turns = ProofTurns(self._limits.processes, self._limits.waiting)
        self._kvm = KvmTrial()
        self._under_way: dict[bytes, asyncio.Task[Proof]] = {}

    async def prove(self, subject: LineSubject, request: LineRequest) -> Proof:
        """The verdict of this QEMU on a line.

        :raise UsageError: where there are no words, too many, or some that are no text.
        :raise BusyError: where too many wait already.
        :raise ConfinementError: where the QEMU cannot be confined.
        :raise QemuError: where it cannot be started, or gives no verdict.
        """
        began = perf_counter()
        line = await check_line(subject, request, self._kvm)
        tell_step("checked", number=len(line.report.findings))
        if line.is_refused:
            return proof_of(line, REFUSED_BY_CHECK, began, ground="checked")
        # What a line comes to is worked out before a box is made.
        ready = line.ready(STAND_IN)
        if ready.not_provable:
            outcome = Outcome(ProofVerdict.not_provable, reason="; ".join(dict.fromkeys(ready.not_provable)))
            return proof_of(line, outcome, began)
        # In a thread: the first time it reads all the code that a verdict depends on.
        key = await asyncio.to_thread(_key, line, ready, request)
        remembered = await self._find(key) if subject.depends_on else None
        if remembered is not None:
            tell_step("remembered")
            return remembered.model_copy(update={"seconds": perf_counter() - began})
        return await self._share(key, line, began)

    async def _share(self, key: bytes, line: CheckedLine, began: float) -> Proof:
        """The answer of the one start for all who ask this now; it goes on when one of them goes away."""
        task = self._under_way.get(key)
        if task is None:
            task = self.turns.start(lambda: self._work(key, line, began))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        else:
            # Its steps are told to whoever asked first.
            tell_step("shared")
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Stop all that is under way; nothing of it is left.  May be called twice."""
        await self.turns.close()

    async def _work(self, key: bytes, line: CheckedLine, began: float) -> Proof:
        proof, program = await self._start(line, began)
        if self._store is not None and line.subject.depends_on and line.subject.is_run_by(program):
            await asyncio.to_thread(self._store.keep, key, proof)
        return proof

    async def _find(self, key: bytes) -> Proof | None:
        return None if self._store is None else await asyncio.to_thread(self._store.find, key)

    async def _start(self, line: CheckedLine, began: float) -> tuple[Proof, MappedFile | None]:
        """Start it; once more with memory that takes no room, where the host has too little."""
        outcome, bench, read = await self._start_once(line, untouched=False)
        if is_short_of_memory(outcome):
            outcome, bench, read = await self._start_once(line, untouched=True)
        proof = proof_of(line, outcome, began, bench=bench, read=read)
        found = await find_box(root=line.subject.root, kvm=line.with_kvm, form=self._form)
        said = {"confinement": found.form, "unconfined": found.lacks_for_strangers()}
        return proof.model_copy(update=said), read.program

    async def _start_once(self, line: CheckedLine, *, untouched: bool) -> tuple[Outcome, Bench, ReadBack]:
        subject = line.subject
        async with open_box(subject.binary, root=subject.root, kvm=line.with_kvm, form=self._form) as box:
            bench = line.ready(box.theirs)
            if untouched:
                use_untouched_memory(bench)
            tell_step("made ready", number=len(bench.replaced))
            outcome, read = await start_line(bench, box, self._limits.wall_s, instead_of_kvm=line.instead_of_kvm)
            if outcome.verdict in (ProofVerdict.proven, ProofVerdict.in_part):
                unseen = unseen_error(line.report.findings, line.words, bench)
                if unseen is not None:
                    text = f"the check refuses what QEMU did not see, as it was replaced or left out: {unseen.message}"
                    outcome = replace(outcome, verdict=ProofVerdict.not_provable, reason=text)
            return outcome, bench, read


def _key(line: CheckedLine, ready: Bench, request: LineRequest) -> bytes:
    secrets = secrets_of(given_options([*line.words]))
    given = [hide(word, secrets) for word in line.words[1:]]
    started = [one.words() for one in ready.line]
    asked = ["tcg instead of kvm"] if line.instead_of_kvm else []
    more = (str(line.subject.root), *given, str(request.anyway), str(request.assume_unknown_present))
    return key_of(line.subject.depends_on, started, asked, *more)


def proof_of(
    line: CheckedLine,
    outcome: Outcome,
    began: float,
    *,
    bench: Bench | None = None,
    read: ReadBack | None = None,
    ground: Literal["checked", "proven"] = "proven",
) -> Proof:
    """The answer, in which no secret of the line is told.

    What was refused by the check was not started, and what is not provable neither; that is the ``ground``.
    """
    subject, secrets = line.subject, secrets_of(given_options([*line.words]))
    every = (*line.report.findings, *outcome.findings)
    findings = [one.model_copy(update={"message": hide(one.message, secrets)}) for one in every]
    read = read or ReadBack()
    return Proof(
        ground=ground if outcome.verdict is not ProofVerdict.not_provable else "checked",
        verdict=outcome.verdict,
        binary=subject.binary,
        version=subject.capabilities.version,
        program=(read.program.path or "") if read.program is not None else "",
        accelerator=read.accelerator,
        said=hide(outcome.said, secrets),
        option=outcome.option,
        reason=hide(outcome.reason, secrets),
        replaced=tuple(bench.replaced) if bench else (),
        left_out=tuple(bench.left_out) if bench else (),
        findings=tuple(findings),
        warnings=tuple(hide(text, secrets) for text in outcome.warnings),
        readings=read.readings,
        differences=tuple(one.model_copy(update={"given": hide(one.given, secrets)}) for one in read.differences),
        unread=tuple(read.unread),
        hotplug=tuple(read.hotplug),
        buses=tuple(read.buses),
        seconds=perf_counter() - began,
    )
