"""One start of a line in its box, and what came of it."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import PurePath

from prober.errors import ExitedError
from prober.proof.bench import Bench
from prober.proof.files import make_files
from prober.proof.line import launch_of
from prober.proof.live import ReadBack, read_back
from prober.proof.outcome import Outcome, outcome_of_end, outcome_of_standing, outcome_without_memory
from prober.qemu.box.judged import read_judged
from prober.qemu.box.model import Box
from prober.qemu.box.opened import hand_over
from prober.qemu.connection import ByteBudget
from prober.qemu.limits import InterviewLimits
from prober.qemu.process import uncancelled
from prober.qemu.session import start_session

#: How much of the end of standard error is kept (bytes): an option stands before each message.
_STDERR_BYTES = 256 << 10


async def start_line(bench: Bench, box: Box, wall_s: float, *, instead_of_kvm: bool) -> tuple[Outcome, ReadBack]:
    """Start what is on the bench, read it back where it stands, and end it.

    :raise LaunchError: where it cannot be started.
    :raise QemuTimeoutError: where it takes longer than ``wall_s`` seconds.
    :raise QemuError: where it does not speak QMP.
    """
    limits = InterviewLimits(greet_s=wall_s, reply_s=wall_s, total_s=wall_s, stderr_bytes=_STDERR_BYTES)
    started = [given for given in bench.line if not given.is_left_out]
    words = tuple(word for given in started for word in given.words())
    programs = (PurePath(box.view.binary).name, PurePath(box.view.real).name)
    launch = launch_of(box, words)
    laid_out: list[ExitStack] = []
    try:
        # Noted by the thread: a cancellation that comes meanwhile must not lose what is to be taken away.
        await uncancelled(asyncio.to_thread(lambda: laid_out.append(_lay_out(bench, box))))
        async with start_session(launch, limits, ByteBudget(launch.binary, limits.total_bytes)) as session:
            read = await read_back(session, bench)
            read.program = (await asyncio.to_thread(read_judged, session.judged_pid, box)).exe
            outcome = outcome_of_standing(session.stderr, programs, started, bench, read, instead_of_kvm=instead_of_kvm)
            return outcome, read
    except ExitedError as error:
        outcome = outcome_of_end(
            error.returncode, error.stderr, programs, started, bench, instead_of_kvm=instead_of_kvm
        )
        if box.group is not None and await asyncio.to_thread(box.group.has_run_out):
            outcome = outcome_without_memory(outcome, box.group.memory_bytes)
        return outcome, ReadBack()
    finally:
        for stack in laid_out:
            await uncancelled(asyncio.to_thread(stack.close))


def _lay_out(bench: Bench, box: Box) -> ExitStack:
    """Make the stand-ins, for the user that QEMU runs as."""
    with ExitStack() as stack:
        stack.enter_context(make_files(bench.files, box.ours))
        hand_over(box)
        return stack.pop_all()
