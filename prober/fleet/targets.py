"""To which hosts a guest may migrate that runs on one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, JsonValue

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.diff import diff
from prober.capabilities.models import Accelerator
from prober.errors import RefusedError, UsageError
from prober.fleet.counting import CountAnswer, HostCount
from prober.fleet.judging import Able, FleetJudge, FleetQuestion, Judgement, Reason
from prober.fleet.known import Fleet, Where
from prober.fleet.parts import Variant
from prober.fleet.records import HostBuild
from prober.guest.cpu.host import best_of
from prober.guest.cpu.names import from_qemu
from prober.host.host import Host
from prober.translate.target import find_target
from prober.translate.uses import compare_for

_CONFIG = ConfigDict(frozen=True, extra="forbid")


class DefaultDifference(BaseModel):
    """A default that a property has on the hosts with this build, and another where the guest runs now.

    A machine of a version may keep the old one for its guests (QEMU's compatibility properties), which no QEMU tells.
    """

    model_config = _CONFIG

    build: str
    fact: str
    here: JsonValue
    there: JsonValue


class TargetsAnswer(CountAnswer):
    """How many hosts a running guest may migrate to; as :class:`~prober.fleet.counting.CountAnswer` counts.

    The host that it runs on is not among them.  ``machine`` is what the guest's machine is called there, whatever alias
    the XML has.  ``not_compared`` are the builds whose defaults are not known, or those of where it runs are not.
    """

    source: str
    path: str
    machine: str
    differences: tuple[DefaultDifference, ...] = ()
    not_compared: tuple[str, ...] = ()


@dataclass
class _Source:
    """The guest as it runs now."""

    one: HostBuild
    caps: Capabilities
    machine: str
    question: FleetQuestion


def targets(
    fleet: Fleet,
    judge: FleetJudge,
    question: FleetQuestion,
    name: str,
    where: Where | None = None,
    *,
    names: int = 0,
    after: str = "",
) -> TargetsAnswer:
    """Where a guest may go that runs on the host of this name.

    :raise UsageError: where there is no such host, or it is not known to be able to run there at all.
    :raise RefusedError: where there is no domain to speak of in the XML.
    """
    source = _source(fleet, judge, question, name)
    count, builds = HostCount(fleet), dict[str, HostBuild]()
    for kit, hosts in fleet.where(where or Where()):
        others = [host for host in hosts if host != name]
        judgement, best = judge.best_of_kit(
            source.question, kit, lambda question, one: _judge(fleet, judge, source, question, one)
        )
        count.add(kit, others, judgement)
        if best is not None:
            builds.setdefault(best.build, best)
    differences, not_compared = _differences(fleet, source, builds.values())
    return TargetsAnswer(
        source=name,
        path=source.one.path,
        machine=source.machine,
        differences=tuple(differences),
        not_compared=tuple(not_compared),
        **count.told(names, after),
    )


def _source(fleet: Fleet, judge: FleetJudge, question: FleetQuestion, name: str) -> _Source:
    host = fleet.host(name)
    if question.domain is None:
        raise RefusedError([*question.refusals])
    for one in question.paths(host.kit):
        if judge.of_one(question, one).able is Able.able:
            caps = fleet.capabilities(one.build, one.variant)
            machine = find_target(question.domain, caps, None, Host()).canonical
            return _Source(one, caps, machine, question.on_machine(machine))
    raise UsageError(
        f"the domain is not known to run on {name}", hint=f"prober fleet why VM.xml {name} tells why it cannot"
    )


def _judge(fleet: Fleet, judge: FleetJudge, source: _Source, question: FleetQuestion, one: HostBuild) -> Judgement:
    """What one QEMU makes of the guest as it runs now."""
    found = judge.of_one(question, one)
    return _cpu(fleet, source, one) if found.able is Able.able else found


def _cpu(fleet: Fleet, source: _Source, one: HostBuild) -> Judgement:
    """Whether a guest finds its host's CPU again, where it has that and no named model."""
    domain = source.question.domain
    cpu = None if domain is None else domain.cpu
    if cpu is None or cpu.mode in (None, "custom") or one.variant == source.one.variant:
        return Judgement(Able.able)
    here, there = (_best_model(fleet.variants[qemu.variant], source.question) for qemu in (source.one, one))
    if here is None or there is None:
        return Judgement(Able.unknown, (Reason("", "what its CPU has was not asked"),))
    lacking = sorted(from_qemu(name) for name, value in here.items() if value is True and there.get(name) is not True)
    if lacking:
        more = f" and {len(lacking) - 8} more" if len(lacking) > 8 else ""
        return Judgement(Able.unable, (Reason("", f"its CPU lacks {', '.join(lacking[:8])}{more}"),))
    return Judgement(Able.able)


def _best_model(variant: Variant, question: FleetQuestion) -> Mapping[str, object] | None:
    """What the host's own CPU has, as QEMU expanded it; None where that was not asked."""
    accel, wanted = ("kvm", "host") if question.wants_kvm else ("tcg", "max")
    host = variant.accelerators.get(accel)
    return None if host is None else best_of(Accelerator(cpu_expansions=host.expansions), wanted)


def _differences(
    fleet: Fleet, source: _Source, others: Iterable[HostBuild]
) -> tuple[list[DefaultDifference], list[str]]:
    """The defaults that differ of what the guest uses and does not set, and the builds of which that is not known."""
    assert source.question.domain is not None
    found, not_compared = [], []
    for one in others:
        if one.build == source.one.build:
            continue
        caps = fleet.capabilities(one.build, one.variant)
        difference = diff(source.caps, caps)
        if not difference.defaults_compared:
            not_compared.append(one.build)
            continue
        uses = compare_for(source.question.domain, source.caps, caps, "qemu")[0]
        for change in difference.group("properties").changes:
            if change.what == "default" and change.of in uses.types and change.fact not in uses.facts:
                found.append(DefaultDifference(build=one.build, fact=change.fact, here=change.a, there=change.b))
    return found, not_compared
