"""From how a start ended to the verdict: what QEMU said, whose fault it is, and what was ignored though it started."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from prober.commandline.refusal import Kind
from prober.commandline.report import ArgvFinding
from prober.proof.bench import Bench
from prober.proof.blame import Cause, blame
from prober.proof.given import Given
from prober.proof.live import ReadBack
from prober.proof.models import Blamed, LiveDifference, ProofVerdict
from prober.proof.words import Message, Tone, messages_of
from prober.qemu.ended import signal_of

#: What ends a QEMU for want of memory, or by a limit of ours.
FROM_OUTSIDE = frozenset(("SIGKILL", "SIGXCPU", "SIGXFSZ", "SIGSYS", "SIGTERM"))

#: ``global PIIX4_PM.acpi-root-pci-hotplug=off not used`` (QEMU, ``qdev_prop_check_globals``), with or without the
#: quotes and the name of the class.
_UNUSED = re.compile(r"global '?(?P<name>[^= ]+)=(?P<value>.*?)'?( has invalid class name| not used)\.?", re.DOTALL)

#: What a line under TCG is refused for because it is not under KVM (QEMU 5.2 to 11.1: ``hw/i386/x86.c``,
#: ``hw/i386/intel_iommu.c``, ``hw/i386/amd_iommu.c``, ``target/i386/kvm``, ``backends/confidential-guest-support.c``).
NEEDS_KVM = re.compile(
    r".*(requires? (accel=)?kvm|KVM (is )?required|only (supported|works) with KVM|needs? KVM|kernel.irqchip"
    r"|kernel doesn't allow setting HyperV|'vmbus' bus|'xen-bus' bus|APIC ID \d+ (is invalid|requires x2APIC)"
    r"|TCG only supports phys-bits|not supported (by|with|in) TCG|TCG does(n't| not) support).*",
    re.DOTALL | re.IGNORECASE,
)

_MOST_WARNINGS = 100


@dataclass
class Outcome:
    """What came of one start: a verdict, QEMU's words, the option that they belong to, and what else it said.

    ``reason`` is why nothing can be said of the line.
    """

    verdict: ProofVerdict
    said: str = ""
    option: Blamed | None = None
    reason: str = ""
    cause: Cause = Cause.line
    findings: list[ArgvFinding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def outcome_of_end(
    returncode: int,
    stderr: str,
    programs: Sequence[str],
    started: Sequence[Given],
    bench: Bench,
    *,
    instead_of_kvm: bool,
) -> Outcome:
    """The verdict for a QEMU that ended by itself instead of answering.

    ``started`` are the options that it was started with, ``returncode`` is minus the signal's number where one ended
    it.  ``instead_of_kvm`` is whether TCG stood in.
    """
    messages = messages_of(stderr, programs, [given.words() for given in started])
    errors = [message for message in messages if message.tone is Tone.error]
    last = _last(errors)
    warnings = _warnings(messages)
    if returncode < 0:
        is_of_host = last is not None and blame(last, started, bench).cause is Cause.host
        return _of_crash(returncode, last, warnings, is_of_host=is_of_host, instead_of_kvm=instead_of_kvm)
    if last is None and returncode:
        said = stderr[-1000:].strip() or f"QEMU ended with exit status {returncode}, without a word"
        return Outcome(ProofVerdict.refused, said, warnings=warnings)
    if last is None:
        text = f"QEMU ended with exit status {returncode}, and said nothing of an error"
        return Outcome(ProofVerdict.not_provable, reason=text, said=stderr[-1000:].strip(), warnings=warnings)
    found = blame(last, started, bench)
    said = str(last)
    if found.cause is Cause.line and instead_of_kvm and NEEDS_KVM.fullmatch(last.text):
        reason = "it was started under TCG, as there is no KVM that works, and this is about KVM"
        return Outcome(ProofVerdict.not_provable, said, found.option, reason, Cause.stand_in, warnings=warnings)
    if found.cause is Cause.line:
        return Outcome(ProofVerdict.refused, said, found.option, warnings=warnings)
    whose = "a stand-in" if found.cause is Cause.stand_in else "this host"
    reason = f"what QEMU says is about {whose}, and not about the line"
    return Outcome(ProofVerdict.not_provable, said, found.option, reason, found.cause, warnings=warnings)


#: What QEMU says of the whole when it has said what is wrong with a part (5.2 to 11.1: ``system/vl.c``,
#: ``monitor_parse``, ``gdbstub``, ``net/slirp.c``, ``hw/usb/bus.c``).
_CONSEQUENCE = re.compile(
    r"could not connect (serial|parallel) device to character backend .*|invalid character backend .*|parse error: .*"
    r"|gdbstub: couldn't create chardev|Could not open guest forwarding device .*|Failed to create USB device .*"
    r"|could not add USB device .*",
    re.DOTALL,
)


def _last(errors: Sequence[Message]) -> Message | None:
    """The last error that is no mere consequence of the one before it."""
    left = [*errors]
    while len(left) > 1 and _CONSEQUENCE.fullmatch(left[-1].text):
        left.pop()
    return left[-1] if left else None


def _of_crash(
    returncode: int, last: Message | None, warnings: list[str], *, is_of_host: bool, instead_of_kvm: bool
) -> Outcome:
    name = signal_of(returncode)
    said = f"QEMU crashed with {name}" + (f": {last}" if last is not None else "")
    if name in FROM_OUTSIDE:
        reason = f"it was ended from outside, by {name}"
        return Outcome(ProofVerdict.not_provable, said, reason=reason, cause=Cause.host, warnings=warnings)
    if is_of_host:
        # A thread that cannot be made ends it by abort() (QEMU, ``util/qemu-thread-posix.c``, ``error_exit``).
        reason = "it crashed for want of what this host has too little of"
        return Outcome(ProofVerdict.not_provable, said, reason=reason, cause=Cause.host, warnings=warnings)
    if instead_of_kvm:
        reason = "it was started under TCG, as there is no KVM that works; what crashes there may run under KVM"
        return Outcome(ProofVerdict.not_provable, said, reason=reason, cause=Cause.stand_in, warnings=warnings)
    return Outcome(ProofVerdict.refused, said, warnings=warnings)


def outcome_without_memory(outcome: Outcome, memory_bytes: int) -> Outcome:
    """The verdict for a QEMU that was ended as it took more memory than its box has."""
    reason = f"it takes more memory than the {memory_bytes >> 20} MiB that a line may have here"
    return replace(outcome, verdict=ProofVerdict.not_provable, reason=reason, cause=Cause.host)


def outcome_of_standing(
    stderr: str,
    programs: Sequence[str],
    started: Sequence[Given],
    bench: Bench,
    read: ReadBack,
    *,
    instead_of_kvm: bool,
) -> Outcome:
    """The verdict for a QEMU that stands: whole, or in part where something was left out or is not as it was asked."""
    messages = messages_of(stderr, programs, [given.words() for given in started])
    if read.lacks is not None:
        option, words = read.lacks
        blamed = Blamed(position=option.position, flag=option.flag, part="driver")
        return Outcome(ProofVerdict.refused, words, blamed, warnings=_warnings(messages))
    findings = [*_unused(messages, started), *_deprecated(messages, started), *_different(read.differences)]
    if instead_of_kvm:
        # TCG has fewer of a CPU's features, and nothing but the accelerator was replaced.
        findings = [one for one in findings if one.flag != "-cpu"]
    ignored = any(finding.kind is Kind.ignored for finding in findings)
    verdict = ProofVerdict.in_part if bench.left_out or ignored else ProofVerdict.proven
    return Outcome(verdict, findings=findings, warnings=_warnings(messages))


def _warnings(messages: Sequence[Message]) -> list[str]:
    return list(dict.fromkeys(str(one) for one in messages if one.tone is Tone.warning))[:_MOST_WARNINGS]


def _unused(messages: Sequence[Message], started: Sequence[Given]) -> Iterator[ArgvFinding]:
    for message in messages:
        found = _UNUSED.fullmatch(message.text)
        if found is None:
            continue
        written = f"{found['name']}={found['value']}"
        for given in started:
            if given.flag == "-global" and _setting(given.value or "") == written:
                text = f"QEMU does not use it: {message.text}"
                part = found["name"].rpartition(".")[2]
                yield _finding(given, part, Kind.ignored, text, found["name"], "live/unused")


def _setting(value: str) -> str:
    """A ``-global`` in its short form."""
    if not value.startswith("driver="):
        return value
    parts = dict(item.partition("=")[::2] for item in value.split(","))
    return f"{parts.get('driver')}.{parts.get('property')}={parts.get('value')}"


def _deprecated(messages: Sequence[Message], started: Sequence[Given]) -> Iterator[ArgvFinding]:
    for message in messages:
        if message.tone is Tone.warning and message.option is not None and "deprecated" in message.text:
            rule = "live/deprecated"
            yield _finding(started[message.option], "", Kind.deprecated, f"QEMU says: {message.text}", None, rule)


def _different(differences: Sequence[LiveDifference]) -> Iterator[ArgvFinding]:
    for one in differences:
        text = f"{one.given!r} was asked for, and the running QEMU has {one.got!r}"
        name = f"{one.path}.{one.part}"
        yield live_finding(one.position, one.flag, one.part, Kind.ignored, text, name, rule="live/value")


def _finding(given: Given, part: str, kind: Kind, message: str, name: str | None, rule: str) -> ArgvFinding:
    return live_finding(given.position, given.flag, part, kind, message, name, rule=rule)


def live_finding(
    position: int, flag: str, part: str, kind: Kind, message: str, name: str | None, hint: str = "", *, rule: str
) -> ArgvFinding:
    """What a live QEMU adds to the findings of the check; its evidence is the QEMU itself."""
    return ArgvFinding(
        position=position,
        flag=flag,
        part=part,
        kind=kind,
        message=message,
        qemu_name=name,
        evidence=None,
        hint=hint,
        rule=rule,
    )
