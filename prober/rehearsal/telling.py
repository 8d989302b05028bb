"""What is told of the machines of a rehearsal, and of one that came to nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from prober.errors import ExitedError
from prober.proof.outcome import FROM_OUTSIDE
from prober.proof.subject import LineSubject
from prober.proof.words import Tone
from prober.qemu.ended import signal_of
from prober.rehearsal.blame import blamed_device, changes_behind, is_about_stopped
from prober.rehearsal.models import GuestChange, Migration, SideTold
from prober.rehearsal.pair import PairSide, SideName, SideNotStanding
from prober.rehearsal.stream import Sent
from prober.rehearsal.verdict import RehearsalVerdict, verdict_of_start
from prober.rehearsal.view import GuestView


def failed_migration(
    sent: Sent,
    destination: PairSide,
    told: tuple[SideTold, SideTold],
    views: tuple[GuestView, GuestView],
    changes: Sequence[GuestChange],
    *,
    driven: bool,
) -> Migration:
    """A migration whose stream came to nothing; ``told`` and ``views`` are of the source and of the destination."""
    ended = sent.ended
    words = _words_of(destination, ended.error if ended is not None and ended.side == "destination" else None)
    said = "\n".join(words) or sent.said or (str(ended) if ended is not None else "")
    device = blamed_device(said, *views)
    because = changes_behind(device, said, changes)
    crashed = signal_of(ended.error.returncode) if ended is not None else ""
    if ended is not None and crashed:
        verdict, reason = _of_crash(ended.side, crashed)
    elif sent.is_late and not words:
        verdict, reason = RehearsalVerdict.not_provable, "it takes longer than a rehearsal may"
    elif not driven and is_about_stopped(said, because, destination.scene.subject.capabilities.version.major):
        verdict = RehearsalVerdict.not_provable
        reason = "the guest has never run, and this is about queues that no guest has set up: --driven has them set up"
    else:
        verdict, reason = RehearsalVerdict.refused, ""
    return Migration(
        verdict=verdict,
        stage="source" if ended is not None and ended.side == "source" else "stream",
        said=said,
        reason=reason,
        signal=crashed,
        device=device,
        because=because,
        source=told[0],
        destination=told[1],
    )


def _of_crash(side: SideName, name: str) -> tuple[RehearsalVerdict, str]:
    """What it means that a signal of this name ended a side, and the reason in words."""
    if name in FROM_OUTSIDE:
        return RehearsalVerdict.not_provable, f"a QEMU was ended from outside, by {name}"
    after = "this would have killed the guest" if side == "source" else "the guest would have gone on where it was"
    return RehearsalVerdict.refused, f"the QEMU of the {side} crashed ({name}): {after}"


def _words_of(side: PairSide, ended: ExitedError | None) -> list[str]:
    """The errors that a side wrote, in their order."""
    messages = side.standing.messages(None if ended is None else ended.stderr)
    return [str(message) for message in messages if message.tone is Tone.error]


def told_of(side: PairSide, view: GuestView) -> SideTold:
    """A machine that stands, or stood, and was read."""
    standing, subject = side.standing, side.scene.subject
    warnings = dict.fromkeys(str(one) for one in standing.messages() if one.tone is Tone.warning)
    return SideTold(
        binary=subject.binary,
        version=subject.capabilities.version,
        machine=machine_of_view(view),
        accelerator="kvm" if side.scene.with_kvm else "tcg",
        warnings=tuple(warnings)[:100],
        findings=tuple(side.scene.report.findings),
        replaced=tuple(standing.bench.replaced),
        left_out=tuple(standing.bench.left_out),
    )


def told_before(subject: LineSubject) -> SideTold:
    """A machine that was not started."""
    return SideTold(binary=subject.binary, version=subject.capabilities.version)


def machine_of_view(view: GuestView) -> str:
    """The canonical type of a machine that was read."""
    kind: JsonValue = view.values.get(("machine", "type"))
    return kind.removesuffix("-machine") if isinstance(kind, str) else ""


def stopped_migration(stopped: SideNotStanding, sides: Mapping[str, SideTold]) -> Migration:
    """A migration of which one machine does not stand; ``sides`` are both, as they are told without that."""
    why, outcome = stopped.why, stopped.why.outcome
    findings = (*why.scene.report.findings, *outcome.findings)
    update = {
        "said": outcome.said,
        "option": outcome.option,
        "warnings": tuple(outcome.warnings),
        "findings": findings,
    }
    told = {**sides, stopped.side: sides[stopped.side].model_copy(update=update)}
    return Migration(
        verdict=verdict_of_start(outcome),
        stage=stopped.side,
        said=outcome.said,
        reason=outcome.reason,
        source=told["source"],
        destination=told["destination"],
    )
