"""On what a row stands: facts by QEMU's own names, put together, and what comes of them for one QEMU and machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.evidence import Verdict
from prober.capabilities.models import Accelerator, Machine
from prober.commandline.machines.family import MachineKind
from prober.errors import FactError
from prober.host.host import Host

VirtType: TypeAlias = Literal["kvm", "qemu"]

#: What libvirt calls a domain's type, and the accelerator that QEMU is asked with for it.
ACCELERATORS: dict[VirtType, Literal["kvm", "tcg"]] = {"kvm": "kvm", "qemu": "tcg"}


class RowFinding(NamedTuple):
    """What comes of a row: *present*, *absent* or *unknown*, and why, in words."""

    verdict: Verdict
    because: str


@dataclass(frozen=True)
class RowSubject:
    """Whom a row is asked of: a QEMU, a machine of it, and the type of the domain.

    ``kind`` is the machine's family.  ``host`` is what the host brings along: its firmware.  With ``assume`` what is
    unknown is taken for present, as the user says so.
    """

    caps: Capabilities
    virttype: VirtType
    machine: Machine
    kind: MachineKind
    host: Host = field(default_factory=Host)
    assume: bool = False

    @property
    def accelerator(self) -> Accelerator:
        """What depends on the accelerator; an empty one where QEMU was not asked with it."""
        return self.caps.accelerators.get(ACCELERATORS[self.virttype], Accelerator())

    def find(self, fact: str) -> RowFinding:
        """What this QEMU says of a fact, by its own name for it."""
        try:
            evidence = self.caps.supports(fact)
        except FactError as error:
            # A name of QEMU's is part of it, and nothing sound is called like that.
            return RowFinding(Verdict.unknown, error.message)
        return RowFinding(evidence.verdict, evidence.note)

    def settle(self, finding: RowFinding) -> RowFinding:
        """A finding as it is told: unknown is present where the user says so."""
        if self.assume and finding.verdict is Verdict.unknown:
            return RowFinding(Verdict.present, f"--assume-unknown-present, though {finding.because}")
        return finding


Ground: TypeAlias = Callable[[RowSubject], RowFinding]


def fact(name: str) -> Ground:
    """Stands on one fact.  ``{target}`` and ``{machine}`` in its name are QEMU's for the target and the machine."""
    return lambda subject: subject.find(name.format(target=subject.caps.target, machine=subject.machine.name))


def always(because: str) -> Ground:
    """Stands on nothing that a QEMU could lack."""
    return lambda _: RowFinding(Verdict.present, because)


def any_of(*grounds: Ground) -> Ground:
    """Stands on the first of these that is present; unknown where none is, and one may be."""

    def find(subject: RowSubject) -> RowFinding:
        found = []
        for ground in grounds:
            found.append(ground(subject))
            if found[-1].verdict is Verdict.present:
                return found[-1]
        return next((one for one in found if one.verdict is Verdict.unknown), found[0])

    return find


def all_of(*grounds: Ground) -> Ground:
    """Stands on all of these: absent where one is, and unknown where one may be."""

    def find(subject: RowSubject) -> RowFinding:
        found = [ground(subject) for ground in grounds]
        for verdict in (Verdict.absent, Verdict.unknown):
            against = next((one for one in found if one.verdict is verdict), None)
            if against is not None:
                return against
        return RowFinding(Verdict.present, "; ".join(dict.fromkeys(one.because for one in found)))

    return find


def first_known(*grounds: Ground) -> Ground:
    """Stands on the first of these that is not unknown: each tells of the same."""

    def find(subject: RowSubject) -> RowFinding:
        found = [ground(subject) for ground in grounds]
        return next((one for one in found if one.verdict is not Verdict.unknown), found[0])

    return find


def any_fact(*names: str) -> Ground:
    """Stands on the first of these facts that is present."""
    return any_of(*map(fact, names))


def on_machines(*kinds: MachineKind) -> Ground:
    """Only machines of these families have it."""

    def find(subject: RowSubject) -> RowFinding:
        verdict = Verdict.present if subject.kind in kinds else Verdict.absent
        return RowFinding(verdict, f"the machine is {subject.machine.name}; only {' and '.join(kinds)} have it")

    return find


def on_targets(*targets: str) -> Ground:
    """Only these targets have it."""

    def find(subject: RowSubject) -> RowFinding:
        verdict = Verdict.present if subject.caps.target in targets else Verdict.absent
        return RowFinding(verdict, f"the target is {subject.caps.target}; only {' and '.join(targets)} have it")

    return find


def with_kvm(subject: RowSubject) -> RowFinding:
    """Only KVM does it."""
    verdict = Verdict.present if subject.virttype == "kvm" else Verdict.absent
    return RowFinding(verdict, f"the domain's type is {subject.virttype}; only kvm has it")


def in_list(command: str, name: str, listed: Callable[[Capabilities], tuple[str, ...] | None]) -> Ground:
    """Stands on the list that a query gives; unknown where it was never asked."""

    def find(subject: RowSubject) -> RowFinding:
        names = listed(subject.caps)
        if names is None:
            return RowFinding(Verdict.unknown, f"{command} was never asked")
        if name in names:
            return RowFinding(Verdict.present, f"{command} lists {name}")
        return RowFinding(Verdict.absent, f"{command} lists {', '.join(names) or 'nothing'}")

    return find


def returned_case(command: str, case: str) -> Ground:
    """Stands on the schema: what a command returns has a variant of this name."""

    def find(subject: RowSubject) -> RowFinding:
        schema = subject.caps.schema_
        entity = None if schema is None else schema.command(command)
        if schema is None or (entity is None and not subject.caps.commands):
            return RowFinding(Verdict.unknown, "this QEMU has no query-qmp-schema")
        if entity is None:
            return RowFinding(Verdict.absent, f"the schema has no {command}")
        if schema.variant(str(entity["ret-type"]), case) is not None:
            return RowFinding(Verdict.present, f"what {command} returns may be {case}")
        return RowFinding(Verdict.absent, f"what {command} returns is never {case}")

    return find
