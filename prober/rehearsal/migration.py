"""A migration tried beforehand: both lines stand side by side, confined and stopped, and one is sent to the other.

line, line ──check──▶ Scenes ──start──▶ two machines ──read──▶ views ──▶ changes ─┐
               └──▶ refused     └──▶ refused    └──send state──▶ Sent ────────────┴──▶ Migration
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from time import perf_counter

from prober.proof.kvm import KvmTrial
from prober.proof.readings import named_by_globals
from prober.proof.subject import LineRequest, LineSubject
from prober.proof.watched import tell_step
from prober.qemu.box.find import find_box
from prober.qemu.box.forms import Form
from prober.rehearsal.changes import seen_changes
from prober.rehearsal.driving import Driven, drive
from prober.rehearsal.hidden import secrets_in, without_secrets
from prober.rehearsal.kernels import kernel_matters
from prober.rehearsal.models import Migration
from prober.rehearsal.pair import PairSide, SideName, SideNotStanding, side_by_side
from prober.rehearsal.reading import read_view
from prober.rehearsal.stage import DEFAULT_STAGE, NotStanding, Scene, StageLimits, set_scene
from prober.rehearsal.stream import leave_memory_out, send_state
from prober.rehearsal.telling import (
    failed_migration,
    stopped_migration,
    told_before,
    told_of,
)
from prober.rehearsal.unknown import unknowns_of
from prober.rehearsal.verdict import RehearsalVerdict
from prober.rehearsal.view import GuestView

#: What the destination waits with.
_INCOMING = ("-incoming", "defer")


@dataclass(frozen=True)
class MigrationAsked:
    """A guest to be moved: the QEMU and the line where it is, and those where it is to go.

    ``driven`` has its devices driven before, as a guest that runs has done.
    """

    source: LineSubject
    line: LineRequest
    destination: LineSubject
    to_line: LineRequest
    driven: bool = False


async def rehearse_migration(
    asked: MigrationAsked,
    *,
    kvm: KvmTrial | None = None,
    limits: StageLimits = DEFAULT_STAGE,
    form: Form | None = None,
) -> Migration:
    """What becomes of the guest.  Nothing is left of either QEMU, whatever happens.

    :raise UsageError: where a line has no words, too many, or some that are no text.
    :raise ConfinementError: where a QEMU cannot be confined.
    :raise QemuError: where one cannot be started, or gives no verdict.
    """
    began = perf_counter()
    trial = kvm or KvmTrial()
    scenes: list[Scene] = []
    is_started = True
    try:
        scenes.append(await _set(asked.source, asked.line, trial, "source"))
        scenes.append(await _set(asked.destination, asked.to_line, trial, "destination"))
        untouched = all(scene.can_be_untouched for scene in scenes)
        source, destination = (replace(scene, untouched=untouched) for scene in scenes)
        destination = replace(destination, more=(_INCOMING,))
        async with side_by_side(source, destination, limits=limits, form=form) as pair:
            migration = await _move(*pair, driven=asked.driven)
    except SideNotStanding as stopped:
        subjects = {"source": asked.source, "destination": asked.destination}
        migration = stopped_migration(stopped, {name: told_before(one) for name, one in subjects.items()})
        is_started = stopped.why.ground == "proven"
    update: dict[str, object] = {"seconds": perf_counter() - began}
    if is_started:
        # Of a line that was not started no box was made, and where there is none nothing has to be said of it.
        found = await find_box(root=asked.source.root, kvm=scenes[0].with_kvm, form=form)
        update["confinement"] = found.form
    hidden = secrets_in((*asked.line.words, *asked.to_line.words))
    return without_secrets(migration.model_copy(update=update), hidden)


async def _set(subject: LineSubject, request: LineRequest, kvm: KvmTrial, side: SideName) -> Scene:
    try:
        return await set_scene(subject, request, kvm, side=side)
    except NotStanding as why:
        raise SideNotStanding(side, why) from why


async def _read_both(
    source: PairSide, destination: PairSide, wanted: Iterable[tuple[str, str]]
) -> tuple[GuestView, GuestView]:
    """What the guests of both see, read at the same time."""
    sides = (source, destination)
    hyperv = any("hv" in word for side in sides for word in side.scene.words)
    reading = [asyncio.ensure_future(read_view(side, wanted, hyperv=hyperv)) for side in sides]
    try:
        here, there = await asyncio.gather(*reading)
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
    return here, there


async def _move(source: PairSide, destination: PairSide, *, driven: bool) -> Migration:
    """Both stand: they are read, the one is driven where that is asked for, and sent."""
    every = named_by_globals(source.standing.bench) | named_by_globals(destination.standing.bench)
    here, there = await _read_both(source, destination, every)
    changes = seen_changes(here, there)
    tell_step("read back")
    done = await drive(source, here) if driven else Driven()
    if driven:
        tell_step("driven", side="source", number=len(done.devices))
    if source.scene.untouched:
        await leave_memory_out(source, destination)
    sent = await send_state(source, destination)
    tell_step("sent", outcome="taken" if sent.is_complete else "not taken", number=sent.state_bytes)
    told = told_of(source, here), told_of(destination, there)
    unknown = (*unknowns_of(source, destination), *kernel_matters(source.scene.words))
    common = {"changes": changes, "unknown": unknown, "state_bytes": sent.state_bytes}
    common |= {"driven": done.devices, "undriven": done.left}
    if sent.is_complete:
        is_whole = not changes and not done.left and not any(one.left_out for one in told)
        verdict = RehearsalVerdict.rehearsed if is_whole else RehearsalVerdict.in_part
        return Migration(verdict=verdict, source=told[0], destination=told[1]).model_copy(update=common)
    failed = failed_migration(sent, destination, told, (here, there), changes, driven=driven)
    return failed.model_copy(update=common)
