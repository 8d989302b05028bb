"""Ask one QEMU binary everything.

Two processes share the questions where there are two cores: each takes the next one when it has answered
enough (:mod:`prober.qemu.agenda`).  With KVM the first process has it and the second has not, and each asks
what depends on that; without KVM they are alike.

Some types kill QEMU when it is asked for their properties.  QEMU answers in order, so when it dies the first
question without an answer is the suspect.  A fresh process is asked that alone: damage done by an earlier
type can surface late, and the innocent must not be marked.  Only what kills again is marked as crashing.  All
else that was in flight goes back to be taken by whoever comes first.

Those that are known to kill some QEMU (:data:`prober.qemu.questions.KILLERS`) are asked last.  The first of them may
kill a process that has nothing else to do, and is asked again; for each further one a fresh process is started.

A type that lives in a module is not found by a process that has not loaded it (7.2: ``ccid-card-emulated``).
Loading all modules is what ``qom-list-types`` does; it takes up to 60 ms, so it is asked of the first process
alone, and what another one does not find is asked once more of one that has them.

Beside them, as soon as the first has greeted, the binary is started to list its displays, audio drivers and character
devices (:mod:`prober.qemu.help`), which no question tells.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from pathlib import Path
from time import perf_counter
from typing import Literal

from prober.errors import ConfinementError, ExitedError, LaunchError, QemuTimeoutError
from prober.qemu.agenda import Agenda, Progress
from prober.qemu.box.find import find_box
from prober.qemu.box.forms import Confined
from prober.qemu.box.model import Box, BoxLimits, Confinement
from prober.qemu.box.opened import box_of
from prober.qemu.connection import ByteBudget
from prober.qemu.help import MachineHelp, ask_for_help, with_help
from prober.qemu.launch import Launch, find_kvm, may_be_kvm
from prober.qemu.limits import InterviewLimits
from prober.qemu.looks import Looks
from prober.qemu.mapping import first_of
from prober.qemu.questions import LOAD_MODULES, Lane, Question, Stage, is_unknown_type
from prober.qemu.ran import Ran
from prober.qemu.recording import Exchange, Recording
from prober.qemu.session import Session, how_it_ended, start_session

_LOG = logging.getLogger(__name__)

#: A QEMU that dies when no question can be suspected is started again this often.
_LATE_DEATHS = 3

_DEFAULT_LIMITS = InterviewLimits()

#: What one QEMU of an interview may use up: it has no guest and no images.
_BOX_LIMITS = BoxLimits(open_files=1024, file_bytes=1 << 30)


@dataclass(frozen=True)
class Interview:
    """What one interview gave.

    ``seconds`` is the whole of it, ``timings`` says where it went: ``launch`` and ``greet`` of the first
    process, then until the last answer of each stage (``basics``, ``types``, ``cpu_models``, ``drivers``; stages
    overlap, and each counts from the end of the one before), ``reap``, and within these ``relaunch``, the starts of
    further processes after crashes or complaints, and ``help``, the listing of displays and others beside all that.
    ``crashes`` maps each type that kills this QEMU to how: ``SIGABRT: last line of standard error``.  ``processes`` is
    how many were started to be asked over QMP.  ``confinement`` is the form of the box that they were in,
    ``unconfined`` what could not be had of it, a sentence each.  ``ran`` is what they executed and had mapped.
    """

    recording: Recording
    seconds: float
    timings: dict[str, float]
    crashes: dict[str, str]
    processes: int
    ran: Ran
    confinement: Confined = "none"
    unconfined: tuple[str, ...] = ()


async def interview(
    binary: str | os.PathLike[str],
    *,
    limits: InterviewLimits = _DEFAULT_LIMITS,
    accel: Literal["auto", "tcg"] = "auto",
    root: Path | None = None,
    progress: Progress | None = None,
) -> Interview:
    """Ask a QEMU binary all that there is to ask.

    With ``accel="auto"`` KVM is used where ``/dev/kvm`` can be opened.  ``root`` starts the binary in another system's
    tree.  The QEMUs are confined as far as that is to be had here and they start so (:mod:`prober.qemu.box`); what
    could not be had is told; the answers are the same.  ``progress`` is told stage, answers and questions.

    No process, descriptor or task is left behind, whatever happens, cancellation included.

    :raise UsageError: where ``accel`` is neither.
    :raise LaunchError: where the binary cannot be started.
    :raise ConfinementError: where ``root`` is given, there is no confinement, and we are not root.
    :raise ExitedError: where it ends before it said what it is.
    :raise QemuTimeoutError: where it does not greet, reply or finish within the limits.
    :raise LimitError: where it sends more than the limits allow.
    :raise ProtocolError: where what it sends is not QMP.
    """
    kvm = may_be_kvm(accel) and find_kvm(root)
    async with AsyncExitStack() as stack:
        box, why_not = await _find_box(stack, os.fspath(binary), root, kvm, limits.total_s)
        launches = {
            Lane.first: Launch(os.fspath(binary), "kvm" if kvm else "tcg", root, box=box),
            Lane.second: Launch(os.fspath(binary), "tcg", root, kvm_will_do=kvm, box=box),
        }
        return await _Interviewer(launches, limits, progress, why_not).run()


async def _find_box(
    stack: AsyncExitStack, binary: str, root: Path | None, kvm: bool, seconds: float
) -> tuple[Box | None, str]:
    """A box for the QEMUs of one interview; or why there is none in which they would answer the same."""
    try:
        made = await find_box(root=root, kvm=kvm, asked_only=True)
        if made.kvm == kvm:
            made = replace(made, limits=replace(_BOX_LIMITS, cpu_s=max(_BOX_LIMITS.cpu_s, ceil(seconds))))
            return await stack.enter_async_context(box_of(made, binary, root=root, stand_ins=False)), ""
        why = f"/dev/kvm cannot be opened in a box of the {made.form} form"
    except LaunchError as error:
        why = error.message
    except ConfinementError as error:
        if root is not None and os.geteuid() != 0:
            raise
        why = error.message
    _LOG.info("%s is not confined: %s", binary, why)
    return None, why


class _Interviewer:
    """One interview under way."""

    def __init__(
        self, launches: dict[Lane, Launch], limits: InterviewLimits, progress: Progress | None, why_not: str
    ) -> None:
        self._launches = launches
        self._limits = limits
        self._agenda = Agenda(progress)
        self._budget = ByteBudget(launches[Lane.first].binary, limits.total_bytes)
        self._why_not = why_not
        self._over: dict[Lane, asyncio.Future[None]] = {}
        self._greetings: dict[Lane, Exchange] = {}
        self._timings: dict[str, float] = {}
        self._processes = 0
        self._late_deaths = 0
        self._started = perf_counter()
        self._marked = 0.0
        self._has_greeted = asyncio.Event()
        self._help: list[Exchange] = []
        self._machines = MachineHelp(limits.greet_s)
        self._looks = Looks()
        self._beside: asyncio.TaskGroup | None = None  # None where there is one process at a time

    async def run(self) -> Interview:
        try:
            return await self._run()
        finally:
            await self._looks.give_up()

    async def _run(self) -> Interview:
        try:
            async with asyncio.timeout(self._limits.total_s) as deadline:
                await self._ask()
                machines = await self._machines.finish(self._launches[Lane.first], sorted(self._agenda.crashes))
        except TimeoutError as error:
            if not deadline.expired():
                raise
            text = f"{self._launches[Lane.first].binary} did not answer everything within {self._limits.total_s:g} s"
            raise QemuTimeoutError(text, hint="the limit is total_s") from error
        self._mark("reap")
        greetings = [self._greetings[lane] for lane in (Lane.first, Lane.second) if lane in self._greetings]
        crashes = dict(sorted(self._agenda.crashes.items()))
        recording = with_help(self._agenda.recording(greetings), [*machines, *self._help])
        ran = await self._looks.finish()
        seconds = perf_counter() - self._started
        confinement, unconfined = self._confinement()
        return Interview(recording, seconds, self._timings, crashes, self._processes, ran, confinement, unconfined)

    def _confinement(self) -> tuple[Confined, tuple[str, ...]]:
        """The least that any of them was in."""
        boxes = [launch.box for launch in self._launches.values()]
        said = [f"It does not start in a better box: {self._why_not}"] if self._why_not else []
        if any(box is None for box in boxes):
            return "none", ("Nothing confines it but what confines prober itself.", *said)
        made = min((box.confinement for box in boxes if box is not None), key=_worth)
        return made.form, (*made.lacks(), *said)

    async def _ask(self) -> None:
        if self._limits.processes_at_once == 1:
            await self._serve(Lane.first)
            await self._serve(Lane.second)
            await self._ask_for_help(at_once=False)
            return
        try:
            async with asyncio.TaskGroup() as group:
                self._beside = group
                group.create_task(self._serve(Lane.first))
                group.create_task(self._serve(Lane.second))
                group.create_task(self._ask_for_help(at_once=True))
        except BaseExceptionGroup as errors:
            raise first_of(errors) from errors

    async def _ask_for_help(self, *, at_once: bool) -> None:
        """What the binary lists; started as the one was that greeted, and so with no option that it does not know."""
        await self._has_greeted.wait()
        began = perf_counter()
        self._help = await ask_for_help(self._launches[Lane.first], self._limits.greet_s, at_once=at_once)
        self._timings["help"] = perf_counter() - began

    async def _serve(self, lane: Lane) -> None:
        """Ask what this lane has to ask, in one process after the other as long as they die."""
        suspect: Question | None = None
        while not self._agenda.is_finished(lane):
            if suspect is None and lane in self._greetings:
                if not await self._has_work(lane):
                    return
                suspect = self._agenda.take_last(lane)
            async with self._start(lane) as session:
                try:
                    if suspect is not None:
                        await self._ask_alone(session, suspect)
                        suspect = None
                    await self._converse(session, lane)
                    await self._looks.look_at(session)
                except ExitedError as error:
                    suspect = self._find_suspect(session, suspect, error)

    def _find_suspect(self, session: Session, alone: Question | None, error: ExitedError) -> Question | None:
        """After a death: what the next process is to be asked alone, if anything.

        ``alone`` is what the dead one was asked alone: asked twice, and killed twice.

        :raise ExitedError: where it cannot go on like this.
        """
        unanswered = session.unanswered
        if not unanswered or unanswered[0] is LOAD_MODULES:
            # The damage of something that was answered, which nothing can be asked again for.
            self._late_deaths += 1
            if self._late_deaths > _LATE_DEATHS:
                raise error
            if alone is not None and not self._agenda.is_answered(alone):
                return alone
            suspect = None
        elif alone is unanswered[0]:
            self._agenda.crashed(alone, how_it_ended(error.returncode, error.stderr))
            self._note_answer(alone)
            if self._beside is not None and alone.typename is not None:
                self._machines.ask_soon(self._beside, self._launches[Lane.first], alone.typename)
            return None
        else:
            suspect = unanswered.pop(0)
            if not self._agenda.may_crash(suspect):
                raise error
            _LOG.debug("%s: asked again alone: %s", error.message, suspect)
        self._agenda.give_back(question for question in unanswered if question is not LOAD_MODULES)
        return suspect

    async def _has_work(self, lane: Lane) -> bool:
        """Wait until there is something to ask in this lane (true), or nothing can come any more (false)."""
        while not self._agenda.has_for(lane) and not self._agenda.is_finished(lane):
            self._over[lane] = over = asyncio.get_running_loop().create_future()
            told = partial(_settle_once, over)
            self._agenda.watchers.add(told)
            try:
                await over
            finally:
                self._agenda.watchers.discard(told)
        return not self._agenda.is_finished(lane)

    async def _ask_alone(self, session: Session, question: Question) -> None:
        over = asyncio.get_running_loop().create_future()
        waiting = [question]
        if self._agenda.needs_modules(question):
            waiting.append(LOAD_MODULES)

        def answered(question: Question, exchange: Exchange) -> None:
            if is_unknown_type(exchange) and not session.has_modules:
                waiting.extend((question, LOAD_MODULES))
            else:
                self._answered(session, question, exchange)
            if not waiting and not session.unanswered:
                over.set_result(None)

        await session.converse(lambda: waiting.pop() if waiting else None, answered, over)

    async def _converse(self, session: Session, lane: Lane) -> None:
        over = asyncio.get_running_loop().create_future()
        self._over[lane] = over
        self._agenda.watchers.add(session.pump)
        try:
            self._settle()
            await session.converse(partial(self._take, session, lane), partial(self._answered, session), over)
        finally:
            self._agenda.watchers.discard(session.pump)
            over.cancel()

    def _take(self, session: Session, lane: Lane) -> Question | None:
        # Towards the end each process takes less ahead, so that both end at the same time.
        if len(session.unanswered) > max(1, self._agenda.left_to_share() // 2):
            return None
        question = self._agenda.take(lane, session.loads_modules, in_flight=len(session.unanswered))
        if question is not None and question.command == LOAD_MODULES.command:
            session.loads_modules = True
        return question

    def _answered(self, session: Session, question: Question, exchange: Exchange) -> None:
        if question.command == LOAD_MODULES.command:
            if not session.has_modules:
                self._looks.look_soon(session)
            session.loads_modules = session.has_modules = True
        if question is LOAD_MODULES:
            return
        if is_unknown_type(exchange) and not session.has_modules:
            self._agenda.ask_with_modules(question)
            return
        self._agenda.answered(question, exchange)
        if question.stage is Stage.drivers and self._agenda.stage_is_done(question.stage):
            self._looks.look_soon(session)
        self._note_answer(question)

    def _note_answer(self, question: Question) -> None:
        if self._agenda.stage_is_done(question.stage):
            self._mark(question.stage.value)
        self._settle()

    def _settle(self) -> None:
        """Let those lanes go that have nothing to do any more."""
        for lane, over in self._over.items():
            if self._agenda.is_finished(lane):
                _settle_once(over)

    @asynccontextmanager
    async def _start(self, lane: Lane) -> AsyncIterator[Session]:
        """A process for this lane, started more plainly where the binary does not know our options."""
        while True:
            launch = self._launches[lane]
            began = perf_counter()
            async with AsyncExitStack() as stack:
                self._processes += 1
                try:
                    session = await stack.enter_async_context(start_session(launch, self._limits, self._budget))
                except (ConfinementError, ExitedError, LaunchError) as error:
                    if not isinstance(error, ExitedError):
                        self._processes -= 1  # there was no QEMU
                    plainer = launch.plainer(error.stderr)
                    if plainer is None:
                        error.hint = error.hint or launch.what_helps(error.stderr)
                        raise
                    how = "fewer options" if plainer.box is launch.box else "less confinement"
                    if plainer.box is not launch.box:
                        self._why_not = self._why_not or error.message
                    _LOG.info("%s: started again with %s: %s", launch.binary, how, error.message)
                    self._launches[lane] = plainer
                    if plainer.accel != launch.accel:
                        self._agenda.leave_out_tcg()
                    if isinstance(error, ExitedError):
                        self._note_relaunch(began)
                    continue
                self._note_start(lane, session, began)
                yield session
                return

    def _note_start(self, lane: Lane, session: Session, began: float) -> None:
        if lane in self._greetings:
            self._note_relaunch(began)
        elif lane is Lane.first:
            self._timings["launch"] = session.launch_s
            self._timings["greet"] = session.greet_s
            self._marked = perf_counter() - self._started
            self._has_greeted.set()
        self._greetings.setdefault(lane, session.greeting)

    def _note_relaunch(self, began: float) -> None:
        self._timings["relaunch"] = self._timings.get("relaunch", 0.0) + perf_counter() - began

    def _mark(self, stage: str) -> None:
        now = perf_counter() - self._started
        self._timings[stage] = self._timings.get(stage, 0.0) + now - self._marked
        self._marked = now


def _settle_once(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _worth(made: Confinement) -> tuple[bool, int]:
    return made.form == "bubblewrap", made.kernel.landlock
