"""Devices plugged into a machine that stands: sent command by command, read back, and taken out again.

words, commands ──check──▶ stage ──▶ each command ──▶ read back ──▶ take out ──▶ PlugRehearsal
                    └──▶ refused (checked)   └──▶ refused, or the end of QEMU

What the check finds of a command stands beside QEMU's own word, which decides: an error of QMP harms nobody here.
Where QEMU was asked about a stand-in, its word is none about what was replaced, and the check's stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import Literal, TypeVar

from prober.commandline.machines.find import machine_of
from prober.commandline.options import Keyval
from prober.commandline.parse import parse_command_line
from prober.commandline.qmp import check_commands
from prober.commandline.refusal import Kind
from prober.commandline.report import ArgvFinding, reported_finding
from prober.errors import ExitedError, UsageError
from prober.proof.bench import Bench
from prober.proof.kvm import KvmTrial
from prober.proof.models import LiveDifference, Omission, ProofVerdict, Replacement
from prober.proof.outcome import Outcome
from prober.proof.secrets import hide
from prober.proof.start import Standing, outcome_of_exit
from prober.proof.subject import LineRequest, LineSubject
from prober.proof.watched import hidden_in_steps, tell_step
from prober.qemu.box.find import find_box
from prober.qemu.box.forms import Form
from prober.qemu.ended import signal_of
from prober.rehearsal.commands import as_option, reason_against
from prober.rehearsal.driving import Driven, drive
from prober.rehearsal.hidden import secrets_in, without_secrets
from prober.rehearsal.pair import PairSide, SideEnded
from prober.rehearsal.plug_models import PlugRehearsal, PlugRequest
from prober.rehearsal.plugging import Plugging, PlugSeen
from prober.rehearsal.reading import read_view
from prober.rehearsal.stage import DEFAULT_STAGE, NotStanding, Scene, StageLimits, on_stage, set_scene
from prober.rehearsal.verdict import RehearsalVerdict, verdict_of_start

_Item = TypeVar("_Item", Replacement, Omission, LiveDifference)

#: More commands than anybody plugs in at once.
MOST_COMMANDS = 256


async def rehearse_plug(
    subject: LineSubject,
    request: PlugRequest,
    *,
    limits: StageLimits = DEFAULT_STAGE,
    form: Form | None = None,
    kvm: KvmTrial | None = None,
) -> PlugRehearsal:
    """What this QEMU makes of the commands.

    :raise UsageError: where there are no words or commands, too many, or some that are no text.
    :raise ConfinementError: where the QEMU cannot be confined.
    :raise QemuError: where it cannot be started, or does not speak QMP.
    """
    if not 0 < len(request.commands) + len(request.unplug) <= MOST_COMMANDS:
        raise UsageError(f"there is nothing to plug in, or more than {MOST_COMMANDS} commands")
    work = _Work(subject, request)
    work.look()
    if not work.may_start:
        return work.told()
    later = tuple(option for command in request.commands if (option := as_option(command)) is not None)
    asked = LineRequest(request.words, request.anyway, request.assume_unknown_present)
    try:
        scene = await set_scene(subject, asked, kvm or KvmTrial(), later=later)
        found = await find_box(root=subject.root, kvm=scene.with_kvm, form=form)
        work.scene, work.confinement = scene, found.form
        secrets = secrets_in(request.words, request.commands)
        async with on_stage(scene, limits=limits, form=form) as standing:
            with hidden_in_steps(lambda text: hide(text, secrets)):
                await work.rehearse(standing, scene)
    except NotStanding as ended:
        work.not_standing(ended)
    return work.told()


@dataclass
class _Work:
    """One rehearsal under way."""

    subject: LineSubject
    request: PlugRequest
    began: float = field(default_factory=perf_counter)
    found: list[ArgvFinding] = field(default_factory=list)
    verdict: RehearsalVerdict = RehearsalVerdict.not_provable
    ground: Literal["checked", "proven"] = "checked"
    outcome: Outcome | None = None
    signal: str = ""
    reason: str = ""
    confinement: str = ""
    scene: Scene | None = None
    seen: PlugSeen = field(default_factory=PlugSeen)
    driven: Driven = field(default_factory=Driven)
    bench: Bench = field(init=False)

    def __post_init__(self) -> None:
        self.bench = Bench(self.subject.capabilities, "")

    @property
    def line_findings(self) -> tuple[ArgvFinding, ...]:
        """What the check found of the line."""
        return self.scene.report.findings if self.scene is not None else ()

    def look(self) -> None:
        """Hold the commands against what the binary says of itself, and against what is sent at all."""
        caps, assume = self.subject.capabilities, self.request.assume_unknown_present
        options = parse_command_line([*self.request.words]).options
        checked = check_commands([*self.request.commands], caps, options=options, assume_unknown_present=assume)
        self.found = [reported_finding(one) for one in checked]
        reasons = [
            f"command {number}: {reason}"
            for number, command in enumerate(self.request.commands, 1)
            if (reason := reason_against(command))
        ]
        self.reason = "; ".join(reasons)
        if reasons and any(one.kind is Kind.error for one in self.found):
            self.verdict = RehearsalVerdict.refused
            self.reason = "the check refuses it, so it was not sent"

    @property
    def may_start(self) -> bool:
        """Whether every command can be sent."""
        return not self.reason

    async def rehearse(self, standing: Standing, scene: Scene) -> None:
        """Plug it all in, look at it, and take it out again.

        :raise QemuError: where the QEMU does not answer as QMP has it.
        """
        self.bench = standing.bench
        self.ground = "proven"
        plugging = Plugging(standing, scene, self.request, _machine_of(scene))
        self.seen = plugging.seen
        try:
            if self.request.driven:
                self.driven = await _drive(scene, standing)
                tell_step("driven", number=len(self.driven.devices))
            await plugging.rehearse()
        except ExitedError as error:
            instead = scene.instead_of_kvm
            outcome = self.outcome = await outcome_of_exit(error, standing.bench, standing.box, instead_of_kvm=instead)
            self.signal = signal_of(error.returncode) or "exit"
            self.verdict, self.reason = verdict_of_start(outcome), outcome.reason
            plugging.crashed(outcome.said)
            return
        self.verdict, self.reason = plugging.verdict()
        self._mind_the_check()
        if self.driven.undriven and self.verdict is RehearsalVerdict.rehearsed:
            self.verdict = RehearsalVerdict.in_part

    def _mind_the_check(self) -> None:
        """QEMU's word decides, but not of a stand-in: what the check refuses is refused where one was sent for it."""
        if self.verdict not in (RehearsalVerdict.rehearsed, RehearsalVerdict.in_part):
            return
        replaced = {self._renumbered(item).position for item in self.bench.replaced if self._is_later(item)}
        refused = sorted({one.position for one in self.found if one.kind is Kind.error} & replaced)
        if refused:
            numbers = ", ".join(map(str, refused))
            self.verdict, self.ground = RehearsalVerdict.refused, "checked"
            self.reason = f"the check refuses command {numbers}, and QEMU was asked about a stand-in alone"

    def _is_later(self, item: Replacement) -> bool:
        return self.scene is not None and self.scene.number_of_later(item.position) is not None

    def not_standing(self, ended: NotStanding) -> None:
        """There is nothing to plug into."""
        self.scene, self.outcome, self.bench = ended.scene, ended.outcome, ended.bench
        self.ground = ended.ground if ended.outcome.verdict is ProofVerdict.refused else "checked"
        self.verdict = verdict_of_start(ended.outcome)
        self.reason = ended.outcome.reason or "QEMU refuses the line itself, before anything is plugged in"

    def told(self) -> PlugRehearsal:
        """The answer, in which no secret is told."""
        seen, outcome, bench = self.seen, self.outcome or Outcome(ProofVerdict.proven), self.bench
        refused = seen.refused
        answer = PlugRehearsal(
            ground="checked" if self.verdict is RehearsalVerdict.not_provable else self.ground,
            verdict=self.verdict,
            binary=self.subject.binary,
            version=self.subject.capabilities.version,
            accelerator=seen.accelerator,
            said=seen.said or outcome.said,
            command=0 if refused is None else refused.number,
            option=outcome.option if refused is None else None,
            signal=self.signal,
            reason=self.reason,
            steps=tuple(seen.steps),
            taken_out=tuple(seen.taken_out),
            unplugged=tuple(seen.unplugged),
            findings=(*self.found, *seen.findings),
            line_findings=self.line_findings,
            replaced=tuple(map(self._renumbered, bench.replaced)),
            left_out=tuple(map(self._renumbered, bench.left_out)),
            warnings=tuple(seen.warnings or outcome.warnings),
            driven=self.driven.devices,
            undriven=self.driven.undriven,
            readings=seen.readings,
            differences=tuple(map(self._renumbered, seen.differences)),
            confinement=self.confinement if self.ground == "proven" else "",
            seconds=perf_counter() - self.began,
        )
        return without_secrets(answer, secrets_in(self.request.words, self.request.commands))

    def _renumbered(self, item: _Item) -> _Item:
        """What is about a command has its number and its name, in the place of the option that stood for it."""
        number = self.scene.number_of_later(item.position) if self.scene else None
        if number is None:
            return item
        commands = [number for number, one in enumerate(self.request.commands, 1) if as_option(one) is not None]
        place = commands[number]
        return item.model_copy(update={"position": place, "flag": self.request.commands[place - 1].execute})


async def _drive(scene: Scene, standing: Standing) -> Driven:
    """Drive the machine's devices, before anything is plugged in.

    :raise ExitedError: where the QEMU ends of it.
    :raise QemuError: where it does not answer as QMP has it.
    """
    side = PairSide("source", scene, standing)
    try:
        return await drive(side, await read_view(side))
    except SideEnded as ended:
        raise ended.error from ended


def _machine_of(scene: Scene) -> str:
    """The canonical name of the machine, empty where it is not known."""
    options = parse_command_line([*scene.words]).options
    keyed = [option for option in options if isinstance(option, Keyval) and option.flag == "-machine"]
    machine = machine_of(keyed, scene.subject.capabilities)
    return machine.name if machine is not None else ""
