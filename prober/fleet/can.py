"""Which hosts can run a domain, and why the others cannot."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from prober.capabilities.models import Version
from prober.commandline.refusal import Refusal
from prober.errors import FleetError
from prober.fleet.answer import FleetAnswer
from prober.fleet.counting import CountAnswer, HostCount
from prober.fleet.judging import Able, FleetJudge, FleetQuestion
from prober.fleet.known import Fleet, Where

_CONFIG = ConfigDict(frozen=True, extra="forbid")


class CanAnswer(CountAnswer):
    """How many hosts can run a domain."""


def can(
    fleet: Fleet,
    judge: FleetJudge,
    question: FleetQuestion,
    where: Where | None = None,
    *,
    names: int = 0,
    after: str = "",
) -> CanAnswer:
    """Who can run it.  ``names``: so many of the able ones are named, of those that come after ``after``."""
    count = HostCount(fleet)
    for kit, hosts in fleet.where(where or Where()):
        count.add(kit, hosts, judge.of_kit(question, kit))
    return CanAnswer(**count.told(names, after))


class WhyOne(BaseModel):
    """What one QEMU of a host makes of a domain: the refusals as translating gives them."""

    model_config = _CONFIG

    path: str
    build: str
    version: Version | None
    able: Able
    refusals: tuple[Refusal, ...] = ()
    error: str = ""


class WhyAnswer(FleetAnswer):
    """What a host makes of a domain, QEMU by QEMU; ``silent_since`` is since when it is silent, where it is."""

    host: str
    able: Able
    silent_since: float | None
    qemus: tuple[WhyOne, ...]
    reason: str = ""


def why(fleet: Fleet, judge: FleetJudge, question: FleetQuestion, name: str) -> WhyAnswer:
    """Why a host can or cannot run a domain.

    :raise UsageError: where there is no such host.
    """
    host = fleet.host(name)
    qemus = []
    for one in question.paths(host.kit):
        judgement = judge.of_one(question, one)
        told = WhyOne(path=one.path, build=one.build, version=fleet.version(one.build), able=judgement.able)
        try:
            told = told.model_copy(update={"refusals": judge.in_full(question, one)})
        except FleetError as error:
            told = told.model_copy(update={"error": error.message})
        qemus.append(told)
    judgement = judge.of_kit(question, host.kit)
    return WhyAnswer(
        as_of=fleet.as_of,
        host=name,
        able=Able.unknown if name in fleet.silent else judgement.able,
        silent_since=fleet.silent.get(name),
        qemus=tuple(qemus),
        reason="" if qemus else judgement.reasons[0].message,
    )
