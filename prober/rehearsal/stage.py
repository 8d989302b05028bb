"""Where a rehearsal takes place: a line made ready, checked, started confined and stopped, and talked to.

words ──check──▶ ──stand in──▶ Bench ──start──▶ Standing ──▶ whatever is rehearsed
           └──▶ NotStanding      └──▶ NotStanding  └──▶ NotStanding
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal

from prober.errors import ExitedError
from prober.proof.bench import Bench
from prober.proof.checked import REFUSED_BY_CHECK, CheckedLine, check_line
from prober.proof.given import Given
from prober.proof.kvm import KvmTrial
from prober.proof.memory import can_be_untouched, is_short_of_memory, use_untouched_memory
from prober.proof.models import ProofVerdict
from prober.proof.outcome import Outcome
from prober.proof.start import Standing, outcome_of_exit, start_machine
from prober.proof.subject import LineRequest, LineSubject
from prober.proof.watched import StepSide, tell_step
from prober.qemu.box.find import open_box
from prober.qemu.box.forms import Form
from prober.qemu.box.model import Box
from prober.qemu.box.opened import STAND_IN
from prober.rehearsal.apart import set_apart


@dataclass(frozen=True)
class StageLimits:
    """``wall_s`` bounds the wait for one answer, that to the start among them, in seconds."""

    wall_s: float = 20.0


DEFAULT_STAGE = StageLimits()


@dataclass(frozen=True)
class Scene(CheckedLine):
    """One line that is to stand on a stage: checked, and known as far as it is without a start.

    ``more`` are options of ours that are started behind the line (``-incoming defer``).  ``later`` are flags and values
    of what comes to the machine once it stands: they are made ready with the line, and not started with it.
    ``untouched`` has its memory in a file that is a hole, under the name that the machine has for it.  ``side`` is
    which of two machines it is, for whoever watches.
    """

    more: tuple[tuple[str, str], ...] = ()
    untouched: bool = False
    later: tuple[tuple[str, str], ...] = ()
    side: StepSide = ""

    @property
    def can_be_untouched(self) -> bool:
        """Whether the guest has so much memory that it is worth not to send it."""
        return can_be_untouched(self.ready(STAND_IN))

    def position_of_later(self, number: int) -> int:
        """Where on the bench one of ``later`` stands, counted from 0: behind the words of the line."""
        return len(self.words) + 2 * number

    def number_of_later(self, position: int) -> int | None:
        """Which of ``later`` it is that stands there; None where that is something else."""
        number, left = divmod(position - len(self.words), 2)
        return number if not left and 0 <= number < len(self.later) else None


class NotStanding(Exception):
    """There is nothing to rehearse with: the line is refused, or nothing can be said of it (``outcome``).

    ``ground`` is *checked* where it was not started.  It leaves this room by nobody: who rehearses catches it.
    """

    def __init__(self, scene: Scene, outcome: Outcome, ground: Literal["checked", "proven"], bench: Bench) -> None:
        super().__init__(outcome.said or outcome.reason)
        self.scene = scene
        self.outcome = outcome
        self.ground: Literal["checked", "proven"] = ground
        self.bench = bench


async def set_scene(
    subject: LineSubject,
    request: LineRequest,
    kvm: KvmTrial,
    *,
    more: tuple[tuple[str, str], ...] = (),
    later: tuple[tuple[str, str], ...] = (),
    side: StepSide = "",
) -> Scene:
    """The line checked, and with which accelerator it is to be started.

    :raise UsageError: where there are no words, too many, or some that are no text.
    :raise NotStanding: where the check refuses it, and it is not to be started anyway.
    """
    line = await check_line(subject, request, kvm, later=later)
    scene = Scene(**vars(line), more=more, later=later, side=side)
    tell_step("checked", side=side, number=len(line.report.findings))
    if scene.is_refused:
        raise NotStanding(scene, REFUSED_BY_CHECK, "checked", Bench(subject.capabilities, ""))
    return scene


@asynccontextmanager
async def on_stage(
    scene: Scene, *, limits: StageLimits = DEFAULT_STAGE, form: Form | None = None
) -> AsyncIterator[Standing]:
    """The line's machine, which stands inside of the block, stopped, and is gone with it.

    A machine that ends inside of the block ends it with :class:`ExitedError`, whose meaning is the caller's to tell.
    Where the host has too little memory it is started once more, with memory that takes no room.

    :raise NotStanding: where it cannot be made ready, or does not start.
    :raise ConfinementError: where it cannot be confined.
    :raise QemuError: where it cannot be started, or does not speak QMP.
    """
    for untouched in (False, True):
        async with open_box(scene.subject.binary, root=scene.subject.root, kvm=scene.with_kvm, form=form) as box:
            bench = _ready(scene, box, untouched=untouched)
            tell_step("made ready", side=scene.side, number=len(bench.replaced))
            stands = False
            try:
                async with start_machine(bench, box, limits.wall_s) as standing:
                    stands = True
                    tell_step("started", side=scene.side, what=box.confinement.form)
                    yield standing
                    return
            except ExitedError as error:
                if stands:
                    raise
                outcome = await outcome_of_exit(error, bench, box, instead_of_kvm=scene.instead_of_kvm)
                if untouched or not is_short_of_memory(outcome):
                    raise NotStanding(scene, outcome, "proven", bench) from error


def _ready(scene: Scene, box: Box, *, untouched: bool) -> Bench:
    """The bench of one start.

    :raise NotStanding: where there is nothing that could be started.
    """
    bench = scene.ready(box.theirs, *(word for option in scene.later for word in option))
    if bench.not_provable:
        reason = "; ".join(dict.fromkeys(bench.not_provable))
        raise NotStanding(scene, Outcome(ProofVerdict.not_provable, reason=reason), "checked", bench)
    set_apart(bench, {scene.position_of_later(number) for number in range(len(scene.later))})
    if scene.untouched:
        machine = scene.subject.capabilities.accelerator.default_machine
        use_untouched_memory(bench, (machine.default_ram_id if machine is not None else "") or "")
    elif untouched:
        use_untouched_memory(bench)
    for number, (flag, value) in enumerate(scene.more):
        bench.line.append(Given(len(scene.words) + 2 * number, flag, value))
    return bench


def with_more(scene: Scene, *more: tuple[str, str]) -> Scene:
    """The same with these options of ours behind it."""
    return replace(scene, more=(*scene.more, *more))
