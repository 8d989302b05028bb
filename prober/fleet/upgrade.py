"""What it means for domains and hosts that one build is replaced by another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from prober.capabilities.models import Version
from prober.commandline.shell import argv_changes
from prober.errors import FleetError, RefusedError, UsageError
from prober.fleet.answer import FleetAnswer
from prober.fleet.counting import MOST_NAMES
from prober.fleet.judging import Able, FleetQuestion, Reason, judged
from prober.fleet.known import Fleet
from prober.fleet.records import HostBuild
from prober.translate.pipeline import translate
from prober.translate.translation import Translation

_CONFIG = ConfigDict(frozen=True, extra="forbid")

#: So many differing options of one domain are told.
_OPTIONS = 100


class Fate(StrEnum):
    """What becomes of a domain.

    ``breaks``: only the old build takes it; ``mended``: only the new one; ``refused``: neither; ``changes``: both, by
    another command line; ``same``: nothing; ``unknown``: one of them was not asked what matters.
    """

    breaks = "breaks"
    unknown = "unknown"
    changes = "changes"
    refused = "refused"
    mended = "mended"
    same = "same"


class DomainFate(BaseModel):
    """What becomes of one domain.  ``reasons`` are why the new build (for ``mended`` the old one) refuses it,
    ``argv_changes`` the options that differ: ``-`` what the old one gets, ``+`` what the new one gets."""

    model_config = _CONFIG

    domain: str
    fate: Fate
    reasons: tuple[Reason, ...] = ()
    argv_changes: tuple[str, ...] = ()


class UpgradeAnswer(FleetAnswer):
    """What an upgrade brings.

    ``hosts`` have the old build (``names`` are some of them), ``differences`` counts by group what differs between the
    two builds, ``fates`` how many domains each fate has.
    """

    old: str
    old_version: Version
    new: str
    new_version: Version
    hosts: int
    silent: int
    names: tuple[str, ...]
    differences: dict[str, dict[str, int]]
    fates: dict[Fate, int]
    domains: tuple[DomainFate, ...]


def build_called(fleet: Fleet, text: str) -> str:
    """The name of the build that is meant by the beginning of a name, or by a version (``7.2.22``, ``7.2``).

    :raise UsageError: where there is none, or more than one.
    """
    found = [name for name in fleet.builds if name.startswith(text)] if len(text) >= 4 else []
    if not found:
        found = [name for name, one in fleet.builds.items() if f"{one.inventory.version}.".startswith(f"{text}.")]
    if len(found) != 1:
        many = f"{len(found)} builds are" if found else "no build of this fleet is"
        raise UsageError(
            f"{many} called {text[:80]!r}", hint="fleet builds lists them: name, or version where one has it"
        )
    return found[0]


def upgrade(fleet: Fleet, old: str, new: str, questions: Iterable[tuple[str, FleetQuestion]]) -> UpgradeAnswer:
    """What becomes of these domains (each with what it is to be called) and hosts, ``old`` and ``new`` being names.

    :raise FleetError: where a build is not known, or no host tells how it runs.
    """
    one, other = _any_of(fleet, old), _any_of(fleet, new)
    before, after = (fleet.capabilities(qemu.build, qemu.variant) for qemu in (one, other))
    domains = [_fate(fleet, label, question, one, other) for label, question in questions]
    having = [name for kit, names in fleet.kits.items() if any(qemu.build == old for qemu in kit) for name in names]
    count = Counter(domain.fate for domain in domains)
    return UpgradeAnswer(
        as_of=fleet.as_of,
        old=old,
        old_version=before.version,
        new=new,
        new_version=after.version,
        hosts=len(having),
        silent=fleet.count_silent(having),
        names=tuple(sorted(having)[:MOST_NAMES]),
        differences={name: dict(counts) for name, counts in fleet.differences(one, other).items()},
        fates={fate: count[fate] for fate in Fate},
        domains=tuple(sorted(domains, key=lambda domain: (list(Fate).index(domain.fate), domain.domain))),
    )


def _any_of(fleet: Fleet, build: str) -> HostBuild:
    """A QEMU of this build, of a host with KVM where there is one."""
    found = fleet.example(build, kvm=True) or fleet.example(build, kvm=False)
    if found is None:
        raise FleetError(f"no host of this fleet has told how {build} runs on it")
    return found


def _fate(fleet: Fleet, label: str, question: FleetQuestion, one: HostBuild, other: HostBuild) -> DomainFate:
    (old, why_old, able_old), (new, why_new, able_new) = _made(fleet, question, one), _made(fleet, question, other)
    if old is not None and new is not None:
        changes = tuple(argv_changes(old.argv, new.argv))[:_OPTIONS]
        return DomainFate(domain=label, fate=Fate.changes if changes else Fate.same, argv_changes=changes)
    if Able.unknown in (able_old, able_new):
        return DomainFate(domain=label, fate=Fate.unknown, reasons=why_new or why_old)
    if old is not None:
        return DomainFate(domain=label, fate=Fate.breaks, reasons=why_new)
    if new is not None:
        return DomainFate(domain=label, fate=Fate.mended, reasons=why_old)
    return DomainFate(domain=label, fate=Fate.refused, reasons=why_new)


def _made(fleet: Fleet, question: FleetQuestion, one: HostBuild) -> tuple[Translation | None, tuple[Reason, ...], Able]:
    if question.domain is None:
        judgement = judged(question.refusals)
        return None, judgement.reasons, judgement.able
    caps = fleet.capabilities(one.build, one.variant)
    assume = question.assume_unknown_present
    try:
        # The same path for both: where it lies is no difference.
        return translate(question.domain, caps, binary="qemu", assume_unknown_present=assume), (), Able.able
    except RefusedError as error:
        judgement = judged(error.refusals)
        return None, judgement.reasons, judgement.able
