"""A migration tried beforehand: both lines stand side by side, confined and stopped, and one is sent to the other.

line, line ──check──▶ Scenes ──start──▶ two machines ──read──▶ views ──▶ changes ─┐
               └──▶ refused     └──▶ refused    └──send state──▶ Sent ────────────┴──▶ Migration
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from pydantic import JsonValue

from prober.commandline.report import ArgvFinding
from prober.errors import ExitedError
from prober.proof.given import given_options
from prober.proof.kvm import KvmTrial
from prober.proof.outcome import Outcome
from prober.proof.readings import named_by_globals
from prober.proof.secrets import hide, secrets_of
from prober.proof.subject import LineRequest, LineSubject
from prober.proof.words import Tone
from prober.qemu.box.find import find_box
from prober.qemu.box.forms import Form
from prober.rehearsal.blame import blamed_device, changes_behind, is_about_stopped
from prober.rehearsal.changes import changes_between
from prober.rehearsal.driving import Driven, drive
from prober.rehearsal.models import Change, Migration, SideTold
from prober.rehearsal.models import Stage as WhereItFailed
from prober.rehearsal.pair import Side, SideName, SideNotStanding, side_by_side
from prober.rehearsal.reading import read_view
from prober.rehearsal.stage import DEFAULT_STAGE, NotStanding, Scene, StageLimits, set_scene
from prober.rehearsal.stream import Sent, send_state
from prober.rehearsal.unknown import unknowns_of
from prober.rehearsal.verdict import RehearsalVerdict, verdict_of_start
from prober.rehearsal.view import GuestView

_Views = tuple[GuestView, GuestView]

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
    try:
        scenes.append(await _set(asked.source, asked.line, trial, "source"))
        scenes.append(await _set(asked.destination, asked.to_line, trial, "destination"))
        source, destination = scenes[0], replace(scenes[1], more=(_INCOMING,))
        async with side_by_side(source, destination, limits=limits, form=form) as pair:
            migration = await _move(*pair, driven=asked.driven)
    except SideNotStanding as stopped:
        migration = _of_start(asked, stopped)
    found = await find_box(root=asked.source.root, kvm=bool(scenes) and scenes[0].with_kvm, form=form)
    return migration.model_copy(update={"seconds": perf_counter() - began, "confinement": found.form})


async def _set(subject: LineSubject, request: LineRequest, kvm: KvmTrial, side: SideName) -> Scene:
    try:
        return await set_scene(subject, request, kvm)
    except NotStanding as why:
        raise SideNotStanding(side, why) from why


async def _move(source: Side, destination: Side, *, driven: bool) -> Migration:
    """Both stand: they are read, the one is driven where that is asked for, and sent."""
    every = named_by_globals(source.standing.bench) | named_by_globals(destination.standing.bench)
    here = await read_view(source, every)
    there = await read_view(destination, every)
    changes = changes_between(here, there)
    done = await drive(source, here) if driven else Driven()
    sent = await send_state(source, destination)
    told = _told(source, here), _told(destination, there)
    common = {"changes": changes, "unknown": unknowns_of(source, destination), "state_bytes": sent.state_bytes}
    common |= {"driven": done.devices, "undriven": done.left}
    if sent.is_complete:
        is_whole = not changes and not done.left and not any(one.left_out for one in told)
        verdict = RehearsalVerdict.rehearsed if is_whole else RehearsalVerdict.in_part
        return Migration(verdict=verdict, source=told[0], destination=told[1]).model_copy(update=common)
    failed = _failed(source, destination, sent, (here, there), changes, driven=driven)
    return failed.model_copy(update=common | {"source": told[0], "destination": told[1]})


def _failed(
    source: Side,
    destination: Side,
    sent: Sent,
    views: tuple[GuestView, GuestView],
    changes: Sequence[Change],
    *,
    driven: bool,
) -> Migration:
    """What a migration that came to nothing is told as, but for its two sides."""
    words = _words_of(destination, sent.ended.error if sent.ended and sent.ended.side == "destination" else None)
    crashed = _signal(sent)
    said = "\n".join(words) or sent.said or (str(sent.ended) if sent.ended else "")
    device = blamed_device(said, *views)
    because = changes_behind(device, said, changes)
    verdict, reason = RehearsalVerdict.refused, ""
    if crashed:
        whose = sent.ended.side if sent.ended else "destination"
        reason = f"the QEMU of the {whose} crashed ({crashed})" + (
            ": this would have killed the guest" if whose == "source" else ": the guest would have gone on where it was"
        )
    elif not driven and is_about_stopped(said, because, destination.scene.subject.capabilities.version.major):
        verdict = RehearsalVerdict.not_provable
        reason = "the guest has never run, and this is about queues that no guest has set up: --driven has them set up"
    left = _told(source, views[0])
    return Migration(
        verdict=verdict,
        stage="source" if sent.ended and sent.ended.side == "source" else "stream",
        said=_hidden(said, source, destination),
        reason=reason,
        signal=crashed,
        device=device,
        because=because,
        source=left,
        destination=left,
    )


def _signal(sent: Sent) -> str:
    """The name of the signal that ended a side, empty where none did."""
    code = sent.ended.error.returncode if sent.ended is not None else 0
    if code >= 0:
        return ""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _words_of(side: Side, ended: ExitedError | None) -> list[str]:
    """The errors that a side wrote, in their order."""
    messages = side.standing.messages(None if ended is None else ended.stderr)
    return [str(message) for message in messages if message.tone is Tone.error]


def _told(side: Side, view: GuestView) -> SideTold:
    standing, subject = side.standing, side.scene.subject
    warnings = dict.fromkeys(str(one) for one in standing.messages() if one.tone is Tone.warning)
    machine = view.values.get(("machine", "type"))
    return SideTold(
        binary=subject.binary,
        version=str(subject.capabilities.version),
        machine=_machine(machine),
        accelerator="kvm" if side.scene.with_kvm else "tcg",
        warnings=tuple(warnings)[:100],
        findings=tuple(side.scene.report.findings),
        replaced=tuple(standing.bench.replaced),
        left_out=tuple(standing.bench.left_out),
    )


def _machine(kind: JsonValue) -> str:
    return kind.removesuffix("-machine") if isinstance(kind, str) else ""


def _hidden(text: str, *sides: Side) -> str:
    """The text without the secrets of either line."""
    for side in sides:
        text = hide(text, secrets_of(given_options([*side.scene.words])))
    return text


def _of_start(asked: MigrationAsked, stopped: SideNotStanding) -> Migration:
    """One of the two does not stand."""
    why, outcome = stopped.why, stopped.why.outcome
    secrets = secrets_of(given_options([*why.scene.words]))
    stands = {
        "source": SideTold(binary=asked.source.binary, version=str(asked.source.capabilities.version)),
        "destination": SideTold(binary=asked.destination.binary, version=str(asked.destination.capabilities.version)),
    }
    findings = [one.model_copy(update={"message": hide(one.message, secrets)}) for one in _findings(why, outcome)]
    update = {
        "said": hide(outcome.said, secrets),
        "option": outcome.option,
        "warnings": tuple(hide(text, secrets) for text in outcome.warnings),
        "findings": tuple(findings),
    }
    stands[stopped.side] = stands[stopped.side].model_copy(update=update)
    stage: WhereItFailed = stopped.side
    return Migration(
        verdict=verdict_of_start(outcome),
        stage=stage,
        said=hide(outcome.said, secrets),
        reason=hide(outcome.reason, secrets),
        source=stands["source"],
        destination=stands["destination"],
    )


def _findings(why: NotStanding, outcome: Outcome) -> Sequence[ArgvFinding]:
    return (*why.scene.report.findings, *outcome.findings)
