"""One start of a line in its box, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import PurePath

from prober.errors import ExitedError
from prober.proof.bench import Bench
from prober.proof.files import make_files
from prober.proof.given import Given
from prober.proof.line import launch_of, without_own_words
from prober.proof.live import ReadBack, read_back
from prober.proof.outcome import Outcome, outcome_of_end, outcome_of_standing, outcome_without_memory
from prober.proof.watched import tell_step
from prober.proof.words import Message, messages_of
from prober.qemu.box.judged import read_judged
from prober.qemu.box.model import Box
from prober.qemu.box.opened import hand_over
from prober.qemu.connection import ByteBudget
from prober.qemu.finishing import uncancelled
from prober.qemu.limits import InterviewLimits
from prober.qemu.session import Session, start_session

#: How much of the end of standard error is kept (bytes): an option stands before each message.
_STDERR_BYTES = 256 << 10


@dataclass(frozen=True)
class Standing:
    """A machine that stands, stopped: it was started with what is on ``bench``.

    ``started`` are the options that it was started with, ``programs`` what it may call itself in its messages.
    """

    bench: Bench
    box: Box
    session: Session
    started: tuple[Given, ...]
    programs: tuple[str, ...]

    def messages(self, stderr: str | None = None) -> list[Message]:
        """What it wrote to standard error so far, or to the end that ``stderr`` is; without what is about us."""
        written = self.session.stderr if stderr is None else stderr
        return messages_of(without_own_words(written), self.programs, [given.words() for given in self.started])


@asynccontextmanager
async def start_machine(bench: Bench, box: Box, wall_s: float) -> AsyncIterator[Standing]:
    """What is on the bench, started and talked to inside of the block, and ended with it; nothing is left of it.

    :raise ExitedError: where it ended; :func:`outcome_of_exit` tells what that means for the line.
    :raise LaunchError: where it cannot be started.
    :raise QemuTimeoutError: where it does not answer within ``wall_s`` seconds.
    :raise QemuError: where it does not speak QMP.
    """
    limits = InterviewLimits(greet_s=wall_s, reply_s=wall_s, total_s=wall_s, stderr_bytes=_STDERR_BYTES)
    started = _started(bench)
    launch = launch_of(box, tuple(word for given in started for word in given.words()))
    laid_out: list[ExitStack] = []
    try:
        # Noted by the thread: a cancellation that comes meanwhile must not lose what is to be taken away.
        await uncancelled(asyncio.to_thread(lambda: laid_out.append(_lay_out(bench, box))))
        async with start_session(launch, limits, ByteBudget(launch.binary, limits.total_bytes)) as session:
            yield Standing(bench, box, session, started, _programs(box))
    finally:
        for stack in laid_out:
            await uncancelled(asyncio.to_thread(stack.close))


async def start_line(bench: Bench, box: Box, wall_s: float, *, instead_of_kvm: bool) -> tuple[Outcome, ReadBack]:
    """Start what is on the bench, read it back where it stands, and end it.

    :raise LaunchError: where it cannot be started.
    :raise QemuTimeoutError: where it takes longer than ``wall_s`` seconds.
    :raise QemuError: where it does not speak QMP.
    """
    try:
        async with start_machine(bench, box, wall_s) as standing:
            session, started, programs = standing.session, standing.started, standing.programs
            tell_step("started", what=box.confinement.form)
            read = await read_back(session, bench)
            tell_step("read back", number=read.readings)
            read.program = (await asyncio.to_thread(read_judged, session.judged_pid, box)).exe
            outcome = outcome_of_standing(session.stderr, programs, started, bench, read, instead_of_kvm=instead_of_kvm)
            return outcome, read
    except ExitedError as error:
        return await outcome_of_exit(error, bench, box, instead_of_kvm=instead_of_kvm), ReadBack()


async def outcome_of_exit(error: ExitedError, bench: Bench, box: Box, *, instead_of_kvm: bool) -> Outcome:
    """What it means for the line that the QEMU ended, which was started with what is on the bench."""
    outcome = outcome_of_end(
        error.returncode,
        without_own_words(error.stderr),
        _programs(box),
        _started(bench),
        bench,
        instead_of_kvm=instead_of_kvm,
    )
    if box.group is not None and await asyncio.to_thread(box.group.has_run_out):
        outcome = outcome_without_memory(outcome, box.group.memory_bytes)
    return outcome


def _started(bench: Bench) -> tuple[Given, ...]:
    return tuple(given for given in bench.line if not given.is_left_out)


def _programs(box: Box) -> tuple[str, ...]:
    return (PurePath(box.view.binary).name, PurePath(box.view.real).name)


def _lay_out(bench: Bench, box: Box) -> ExitStack:
    """Make the stand-ins, for the user that QEMU runs as."""
    with ExitStack() as stack:
        stack.enter_context(make_files(bench.files, box.ours))
        hand_over(box)
        return stack.pop_all()
