"""A guest's state kept, so that it can be tried on another host."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from time import perf_counter

from pydantic import BaseModel, ConfigDict

from prober.errors import StateFileError
from prober.proof.kvm import KvmTrial
from prober.proof.subject import LineRequest, LineSubject
from prober.rehearsal.changes import seen_changes
from prober.rehearsal.driving import Driven, drive
from prober.rehearsal.hidden import secrets_in, without_secrets
from prober.rehearsal.kernels import UNTOLD, KernelOffers, kernel_changes, kernel_unknowns
from prober.rehearsal.models import Migration, SideTold
from prober.rehearsal.pair import PairSide, SideEnded, SideNotStanding
from prober.rehearsal.reading import read_view
from prober.rehearsal.stage import DEFAULT_STAGE, NotStanding, StageLimits, on_stage, set_scene, with_more
from prober.rehearsal.statefile import MOST_STATE, StateFile, head_of
from prober.rehearsal.stream import give_state, leave_memory_out, take_state
from prober.rehearsal.telling import (
    failed_migration,
    machine_of_view,
    stopped_migration,
    told_before,
    told_of,
)
from prober.rehearsal.unknown import unknowns_of
from prober.rehearsal.verdict import RehearsalVerdict, verdict_of_start


class StateSaved(BaseModel):
    """What became of a guest whose state was to be kept: as :class:`~prober.rehearsal.models.Migration` has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: RehearsalVerdict
    said: str = ""
    reason: str = ""
    driven: tuple[str, ...] = ()
    undriven: tuple[str, ...] = ()
    source: SideTold
    state_bytes: int = 0
    seconds: float = 0.0


class StateKept(StateSaved):
    """What came of keeping a guest's state, with the ``file`` that holds it, in base64 (RFC 4648); empty where it came
    to nothing."""

    file: str = ""


@dataclass(frozen=True)
class Guest:
    """A guest: the QEMU that it runs on, its line, and the ``xml`` of its domain, which goes with its state, as does
    what its host told of its kernel (``offers``)."""

    subject: LineSubject
    line: LineRequest
    xml: str
    offers: KernelOffers = UNTOLD


async def save_state(
    guest: Guest, *, driven: bool = False, kvm: KvmTrial | None = None, limits: StageLimits = DEFAULT_STAGE
) -> tuple[StateSaved, StateFile | None]:
    """The state of a guest that has never run, and what is said of it; no file where it came to nothing.

    :raise UsageError: where the line has no words, too many, or some that are no text.
    :raise ConfinementError: where the QEMU cannot be confined.
    :raise QemuError: where it cannot be started, or gives no verdict.
    """
    began = perf_counter()
    secrets = secrets_in(guest.line.words)
    try:
        scene = await set_scene(guest.subject, guest.line, kvm or KvmTrial())
        scene = replace(scene, untouched=scene.can_be_untouched)
        async with on_stage(scene, limits=limits) as standing:
            side = PairSide("source", scene, standing)
            view = await read_view(side)
            done = await drive(side, view) if driven else Driven()
            if scene.untouched:
                await leave_memory_out(side)
            sent, state = await take_state(side, MOST_STATE)
            told = told_of(side, view)
    except NotStanding as why:
        outcome = why.outcome
        verdict, told = verdict_of_start(outcome), told_before(guest.subject)
        saved = StateSaved(verdict=verdict, said=outcome.said, reason=outcome.reason, source=told)
        return without_secrets(saved, secrets), None
    except SideEnded as ended:
        return StateSaved(verdict=RehearsalVerdict.refused, said=str(ended), source=told_before(guest.subject)), None
    seconds = perf_counter() - began
    if sent.source != "completed" or not state:
        said = sent.said or str(sent.ended)
        verdict = RehearsalVerdict.not_provable if sent.is_late else RehearsalVerdict.refused
        saved = StateSaved(verdict=verdict, said=said, source=told, seconds=seconds)
        return without_secrets(saved, secrets), None
    verdict = RehearsalVerdict.in_part if told.left_out or done.left else RehearsalVerdict.rehearsed
    saved = StateSaved(
        verdict=verdict,
        driven=done.devices,
        undriven=done.left,
        source=told,
        state_bytes=len(state),
        seconds=seconds,
    )
    words = tuple(_masked(word, secrets) for word in scene.words)
    head = head_of(_without_passwords(_masked(guest.xml, secrets)), machine_of_view(view), told.version, words, view)
    head = head.model_copy(update={"without_memory": scene.untouched, "offers": guest.offers})
    return without_secrets(saved, secrets), StateFile(head, state)


#: Passwords of a domain that are no part of its command line, as QEMU is told them over a monitor.
_PASSWORD = re.compile(r"""(?P<name>\bpass(?:wd|word)\s*=\s*)(?P<quote>["'])(?P<value>.*?)(?P=quote)""", re.DOTALL)


def _without_passwords(xml: str) -> str:
    """The XML with as many letters in the place of each password."""
    return _PASSWORD.sub(
        lambda found: f"{found['name']}{found['quote']}{'x' * len(found['value'])}{found['quote']}", xml
    )


def _masked(text: str, secrets: frozenset[str]) -> str:
    """The text with each secret replaced by as many letters: it is still one of that length."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "x" * len(secret))
    return text


async def load_state(
    file: StateFile,
    destination: LineSubject,
    line: LineRequest,
    *,
    offers: KernelOffers = UNTOLD,
    limits: StageLimits = DEFAULT_STAGE,
) -> Migration:
    """What becomes of a guest whose state comes from a file.  ``offers`` is what this host told of its kernel, which is
    held against what the file says of the other's.

    Whoever made the file may have made up what it holds, so it is loaded in the best box alone, by bubblewrap, and what
    the check refuses is not started.

    :raise StateFileError: where nothing was kept: QEMU would wait for it until its time is over.
    :raise UsageError: where the line has no words, too many, or some that are no text.
    :raise ConfinementError: where bubblewrap does not work here.
    :raise QemuError: where the QEMU cannot be started, or gives no verdict.
    """
    if not file.state:
        raise StateFileError("the state in the file is empty", hint="`prober state save` makes one")
    began = perf_counter()
    before = SideTold(binary="", version=file.head.version, machine=file.head.machine)
    here = file.head.view()
    is_started = True
    try:
        scene = await set_scene(destination, LineRequest(line.words, False, line.assume_unknown_present), KvmTrial())
        scene = replace(with_more(scene, ("-incoming", "defer")), untouched=file.head.without_memory)
        async with on_stage(scene, limits=limits, form="bubblewrap") as standing:
            side = PairSide("destination", scene, standing)
            there = await read_view(side)
            kernels = line.words, file.head.offers, offers
            changes = (*seen_changes(here, there), *kernel_changes(*kernels))
            if scene.untouched:
                await leave_memory_out(side)
            sent = await give_state(side, file.state)
            told = told_of(side, there)
            if sent.is_complete:
                is_whole = not changes and not told.left_out
                verdict = RehearsalVerdict.rehearsed if is_whole else RehearsalVerdict.in_part
                migration = Migration(verdict=verdict, source=before, destination=told)
            else:
                migration = failed_migration(sent, side, (before, told), (here, there), changes, driven=False)
            unknown = (*unknowns_of(side), *kernel_unknowns(*kernels))
            more = {"changes": changes, "unknown": unknown, "state_bytes": len(file.state)}
            migration = migration.model_copy(update=more)
    except NotStanding as why:
        sides = {"source": before, "destination": told_before(destination)}
        migration = stopped_migration(SideNotStanding("destination", why), sides)
        is_started = why.ground == "proven"
    except SideEnded as ended:
        migration = Migration(
            verdict=RehearsalVerdict.refused, said=str(ended), source=before, destination=told_before(destination)
        )
    told_of_it = {"seconds": perf_counter() - began, "confinement": "bubblewrap" if is_started else ""}
    return without_secrets(migration.model_copy(update=told_of_it), secrets_in(line.words))
