"""Which hosts can run a domain, and why the others cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from heapq import nsmallest

from pydantic import BaseModel, ConfigDict

from prober.capabilities.models import Version
from prober.commandline.refusal import Refusal
from prober.errors import FleetError
from prober.fleet.answer import FleetAnswer
from prober.fleet.judging import Able, FleetJudge, FleetQuestion, Reason
from prober.fleet.known import Fleet, Where

_CONFIG = ConfigDict(frozen=True, extra="forbid")

#: The most names on one page.
MOST_NAMES = 1000


class ReasonCount(BaseModel):
    """A reason, and how many hosts it holds for.  A host counts for each of its reasons."""

    model_config = _CONFIG

    qemu_name: str
    message: str
    hosts: int


class CanAnswer(FleetAnswer):
    """How many hosts can run a domain.

    ``hosts`` is how many are meant: each of them is ``able``, ``unable``, ``unknown`` or ``silent``.  What a silent
    host told last counts for nothing.  ``names`` is a page of those that are able, by their names, ``next`` what the
    next page begins after (None where there is none).  ``as_of`` is when the store last told of anything (seconds).
    """

    hosts: int
    able: int
    unable: int
    unknown: int
    silent: int
    reasons: tuple[ReasonCount, ...] = ()
    unknown_reasons: tuple[ReasonCount, ...] = ()
    names: tuple[str, ...] = ()
    next: str | None = None


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
    counts: Counter[str] = Counter()
    reasons: dict[Able, Counter[Reason]] = {Able.unable: Counter(), Able.unknown: Counter()}
    able: list[Iterable[str]] = []
    for kit, hosts in fleet.where(where or Where()):
        size = len(hosts) if isinstance(hosts, Mapping | list) else sum(1 for _ in hosts)
        silent = fleet.count_silent(hosts)
        judgement = judge.of_kit(question, kit)
        counts["hosts"] += size
        counts["silent"] += silent
        counts[judgement.able] += size - silent
        if judgement.able is Able.able:
            able.append(hosts)
        elif size > silent:
            for reason in judgement.reasons:
                reasons[judgement.able][reason] += size - silent
    named, following = page_of(fleet, able, names, after)
    return CanAnswer(
        as_of=fleet.as_of,
        hosts=counts["hosts"],
        able=counts[Able.able],
        unable=counts[Able.unable],
        unknown=counts[Able.unknown],
        silent=counts["silent"],
        reasons=counted_reasons(reasons[Able.unable]),
        unknown_reasons=counted_reasons(reasons[Able.unknown]),
        names=named,
        next=following,
    )


def counted_reasons(reasons: Counter[Reason]) -> tuple[ReasonCount, ...]:
    """The reasons, the one that holds for most hosts first.

    What lacks one thing has one reason, whichever version says so: in the words that hold for most.
    """
    together: dict[str, list[tuple[int, Reason]]] = {}
    for reason, count in reasons.items():
        together.setdefault(reason.qemu_name or reason.message, []).append((count, reason))
    told = [
        ReasonCount(
            qemu_name=said[0][1].qemu_name,
            message=min(said, key=lambda one: (-one[0], one[1].message))[1].message,
            hosts=sum(count for count, _ in said),
        )
        for said in together.values()
    ]
    return tuple(sorted(told, key=lambda one: (-one.hosts, one.message)))


def page_of(fleet: Fleet, groups: Iterable[Iterable[str]], most: int, after: str) -> tuple[tuple[str, ...], str | None]:
    """The first names of these that come after one and are not silent, and what the next page begins after."""
    most = min(most, MOST_NAMES)
    if most < 1:
        return (), None
    names = (name for hosts in groups for name in hosts if name > after and name not in fleet.silent)
    found = nsmallest(most + 1, names)
    return tuple(found[:most]), found[most - 1] if len(found) > most else None


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
        build = fleet.builds.get(one.build)
        version = None if build is None else build.inventory.version
        judgement = judge.of_one(question, one)
        told = WhyOne(path=one.path, build=one.build, version=version, able=judgement.able)
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
