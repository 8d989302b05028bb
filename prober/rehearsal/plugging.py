"""Commands sent to a machine that stands, one after the other, until one is refused; then all is taken out again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from prober.commandline.qmp import TAKES_OUT, QmpCommand
from prober.commandline.refusal import Kind
from prober.commandline.report import ArgvFinding
from prober.proof.blame import Cause, blame
from prober.proof.given import Given
from prober.proof.live import read_later
from prober.proof.models import LiveDifference
from prober.proof.outcome import NEEDS_KVM, live_finding
from prober.proof.start import Standing
from prober.proof.watched import tell_step
from prober.proof.words import Message, Tone
from prober.qemu.asking import ask_all
from prober.qemu.questions import Question
from prober.rehearsal.commands import as_option, to_send
from prober.rehearsal.plug_models import PlugRequest, PlugStep, TakenOut
from prober.rehearsal.plugged import PluggedDevice, look_at_device, useless
from prober.rehearsal.stage import Scene
from prober.rehearsal.takeout import ToTakeOut, take_out
from prober.rehearsal.verdict import RehearsalVerdict


@dataclass
class PlugSeen:
    """What was seen of a rehearsal so far."""

    steps: list[PlugStep] = field(default_factory=list)
    taken_out: list[TakenOut] = field(default_factory=list)
    unplugged: list[TakenOut] = field(default_factory=list)
    findings: list[ArgvFinding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    differences: list[LiveDifference] = field(default_factory=list)
    readings: int = 0
    accelerator: str = ""

    @property
    def said(self) -> str:
        """QEMU's words where it refused something."""
        refused = self.refused
        others = (one.said for one in self.unplugged if one.outcome == "refused")
        return next(others, "") if refused is None else refused.said

    @property
    def refused(self) -> PlugStep | None:
        """The command that was refused, or that QEMU died of."""
        return next((one for one in self.steps if one.outcome in ("refused", "crashed")), None)


class Plugging:
    """One rehearsal under way: commands are sent, and what becomes of them is ``seen``."""

    def __init__(self, standing: Standing, scene: Scene, request: PlugRequest, machine: str) -> None:
        commands = request.commands
        self._unplug = request.unplug
        self.seen = PlugSeen()
        self._standing = standing
        self._scene = scene
        self._machine = machine
        self._commands = list(commands)
        self._given = _given_of(standing, scene, commands)
        self._plugged: dict[int, PluggedDevice] = {}
        self._reason = ""
        self._taking_out: list[TakenOut] | None = None

    async def rehearse(self) -> None:
        """Send all, read it back, and take it out again.

        :raise ExitedError: where the QEMU ends of it.
        :raise QemuError: where it does not answer as QMP has it.
        """
        session = self._standing.session
        (kvm,) = await ask_all(session, [Question("query-kvm")])
        is_kvm = isinstance(kvm.reply, Mapping) and kvm.reply.get("enabled") is True
        self.seen.accelerator = "kvm" if is_kvm else "tcg"
        before = len(self._standing.messages())
        for number in range(1, len(self._commands) + 1):
            if not await self._send(number):
                break
        self._skip("a command before it was refused")
        await self._look()
        caps = self._scene.subject.capabilities
        self._taking_out = self.seen.taken_out
        await take_out(session, self._to_take_out(), self.seen.taken_out, caps)
        self._taking_out = self.seen.unplugged
        await take_out(session, await self._to_unplug(), self.seen.unplugged, caps)
        told = self._standing.messages()[before:]
        self.seen.warnings = list(dict.fromkeys(str(one) for one in told))

    async def _send(self, number: int) -> bool:
        """Whether it was taken, or has nothing to do with what is behind it."""
        command, given = self._commands[number - 1], self._given.get(number)
        if given is not None and given.is_left_out:
            why = next((one.why for one in self._standing.bench.left_out if one.position == given.position), "")
            self._reason = self._reason or f"command {number} was not sent: {why}"
            self._note(number, "not sent", reason=why)
            return True
        sent = to_send(command, given, self._standing.bench)
        (answer,) = await ask_all(self._standing.session, [Question(sent.execute, sent.arguments)])
        if answer.error is None:
            self._note(number, "taken")
            return True
        said = answer.error.desc
        self._reason = self._reason_against(said, given)
        if self._reason:
            self._note(number, "not sent", said=said, reason=self._reason)
        else:
            self._note(number, "refused", said=said)
        return False

    def _reason_against(self, said: str, given: Given | None) -> str:
        """Why QEMU's words are not about the command; empty where they are."""
        if self._scene.instead_of_kvm and NEEDS_KVM.fullmatch(said):
            return "it was sent to a machine under TCG, as there is no KVM that works, and this is about KVM"
        options = [] if given is None else [given]
        found = blame(Message(Tone.error, said, 0 if options else None), options, self._standing.bench)
        if found.cause is Cause.line:
            return ""
        whose = "a stand-in" if found.cause is Cause.stand_in else "this host"
        return f"what QEMU says is about {whose}, and not about the device"

    def _note(self, number: int, outcome: str, *, said: str = "", reason: str = "") -> None:
        command = self._commands[number - 1]
        tell_step("command", what=f"{command.execute} {command.name}".rstrip(), outcome=outcome, number=number)
        self.seen.steps.append(
            PlugStep.model_validate(
                {
                    "number": number,
                    "execute": command.execute,
                    "name": command.name,
                    "outcome": outcome,
                    "said": said,
                    "reason": reason,
                }
            )
        )

    def _skip(self, why: str) -> None:
        for number in range(len(self.seen.steps) + 1, len(self._commands) + 1):
            self._note(number, "not sent", reason=why)

    async def _look(self) -> None:
        """Read back what came, as far as it has an id."""
        bench, caps = self._standing.bench, self._scene.subject.capabilities
        came = {one.number for one in self.seen.steps if one.outcome == "taken"}
        bench.later = [self._given[number] for number in sorted(came) if number in self._given]
        read = await read_later(self._standing.session, bench)
        self.seen.readings, self.seen.differences = read.readings, read.differences
        tell_step("read back", number=read.readings)
        for one in read.differences:
            number = next(number for number, given in self._given.items() if given.position == one.position)
            text = f"{one.given!r} was asked for, and the machine has {one.got!r}"
            execute = self._commands[number - 1].execute
            self.seen.findings.append(
                live_finding(number, execute, one.part, Kind.ignored, text, one.path, rule="live/value")
            )
        for place, step in enumerate(self.seen.steps):
            if step.outcome == "taken" and step.execute == "device_add" and step.name:
                plugged = await look_at_device(self._standing.session, step.number, step.name, caps)
                self._plugged[step.number] = plugged
                self.seen.steps[place] = step.model_copy(update={"seen": plugged.seen})
                self.seen.findings += useless(plugged, self._machine, caps)

    def _to_take_out(self) -> list[ToTakeOut]:
        """What came and is there still, the last first."""
        gone = {
            (step.execute, step.name)
            for step in self.seen.steps
            if step.outcome == "taken" and step.execute not in TAKES_OUT
        }
        return [
            ToTakeOut(self._commands[step.number - 1], self._plugged.get(step.number))
            for step in reversed(self.seen.steps)
            if step.outcome == "taken"
            and step.execute in TAKES_OUT
            and (TAKES_OUT[step.execute][0], step.name) not in gone
        ]

    async def _to_unplug(self) -> list[ToTakeOut]:
        """What was there before and is to go, the last first."""
        caps = self._scene.subject.capabilities
        found = []
        for command in reversed(self._unplug):
            device = None
            if command.execute == "device_add":
                device = await look_at_device(self._standing.session, 0, command.name, caps)
            found.append(ToTakeOut(command, device))
        return found

    def crashed(self, said: str) -> None:
        """The QEMU ended of what was sent last."""
        if self._taking_out is not None:
            last = self._taking_out[-1:]
            self._taking_out[-1:] = [one.model_copy(update={"outcome": "crashed", "said": said}) for one in last]
            return
        if len(self.seen.steps) < len(self._commands):
            self._note(len(self.seen.steps) + 1, "crashed", said=said)
            self._skip("QEMU ended before")

    def verdict(self) -> tuple[RehearsalVerdict, str]:
        """What it comes to, and the reason where nothing can be said."""
        seen = self.seen
        if "refused" in {*(one.outcome for one in seen.steps), *(one.outcome for one in seen.unplugged)}:
            return RehearsalVerdict.refused, ""
        if self._reason:
            return RehearsalVerdict.not_provable, self._reason
        is_part = self._standing.bench.left_out or any(one.kind is Kind.ignored for one in self.seen.findings)
        return RehearsalVerdict.in_part if is_part else RehearsalVerdict.rehearsed, ""


def _given_of(standing: Standing, scene: Scene, commands: Sequence[QmpCommand]) -> dict[int, Given]:
    """The option that stands for each command, by the command's number."""
    numbers = [number for number, command in enumerate(commands, 1) if as_option(command) is not None]
    places = {scene.position_of_later(place): number for place, number in enumerate(numbers)}
    return {places[given.position]: given for given in standing.bench.later}
