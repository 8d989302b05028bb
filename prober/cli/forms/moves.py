"""Guests that were moved (``prober migrate``), and domains under a new QEMU (``prober upgrade``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prober.cli.forms.lines import finding_result
from prober.cli.forms.places import DomainPlaces, unreadable_result
from prober.export.forms.model import CaseOutcome, FormCase, FormLevel, FormPlace, FormReport, FormResult
from prober.proof.models import ProofVerdict
from prober.rehearsal.models import Migration
from prober.rehearsal.told import MigrationTold
from prober.rehearsal.upgrade import Upgraded
from prober.rehearsal.verdict import RehearsalVerdict
from prober.rehearsal.wording import describe_card, describe_change

_OUTCOMES = {RehearsalVerdict.refused: CaseOutcome.refused, RehearsalVerdict.not_provable: CaseOutcome.unknown}


def report_migrations(told: Sequence[MigrationTold], *, whole: bool) -> FormReport:
    """A case for each guest and each way; ``whole`` is for whom a part is not enough."""
    return FormReport("migrate", tuple(_migrated(one, whole=whole) for one in told))


def report_upgrades(told: Sequence[Upgraded], way: str) -> FormReport:
    """A case for each domain; ``way`` is from which QEMU to which."""
    return FormReport("upgrade", tuple(_upgraded(one, way) for one in told))


def _migrated(told: MigrationTold, *, whole: bool) -> FormCase:
    name = told.file or "the command line"
    if told.migration is None:
        return _unread(told.file, told.unreadable) if told.unreadable else _no_domain(told)
    migration = told.migration
    place = FormPlace(told.file, 1 if told.file else 0)
    places = DomainPlaces(told.file)
    found = [places.result(refusal) for refusal in told.refusals]
    found += _of_migration(migration, place)
    found += [FormResult("migration/card", FormLevel.warning, describe_card(one), place) for one in told.cards]
    in_part = whole and migration.verdict is RehearsalVerdict.in_part
    outcome = CaseOutcome.unknown if in_part else _OUTCOMES.get(migration.verdict, CaseOutcome.passed)
    way = f"QEMU {migration.source.version} to {migration.destination.version}"
    return FormCase(name, way, outcome, tuple(found), _said(migration), migration.seconds)


def _no_domain(told: MigrationTold) -> FormCase:
    places = DomainPlaces(told.file)
    found = tuple(places.result(refusal) for refusal in told.refusals)
    return FormCase(told.file, "", CaseOutcome.refused, found, "refused: it is no domain")


def _unread(file: str, reason: str) -> FormCase:
    return FormCase(file, "", CaseOutcome.broken, (unreadable_result(file, reason),), reason)


def _said(migration: Migration) -> str:
    return f"{migration.verdict.value}: {migration.reason}" if migration.reason else migration.verdict.value


def _of_migration(migration: Migration, place: FormPlace) -> Iterator[FormResult]:
    if migration.verdict is RehearsalVerdict.refused:
        said = migration.said or migration.reason
        because = "; ".join(describe_change(change) for change in migration.because)
        where = migration.device or migration.stage
        yield FormResult("migration/refused", FormLevel.error, said, place._replace(where=where), because)
    if migration.verdict is RehearsalVerdict.not_provable:
        yield FormResult("migration/not-provable", FormLevel.warning, migration.reason, place)
    for change in migration.changes:
        seen = f"the guest would see: {describe_change(change)}"
        yield FormResult("migration/seen", FormLevel.warning, seen, place._replace(where=change.where))
    yield from (FormResult("migration/unknown", FormLevel.note, text, place) for text in migration.unknown)
    for name, side in (("source", migration.source), ("destination", migration.destination)):
        for finding in side.findings:
            found = finding_result(finding.model_dump(mode="json"), place)
            where = f"{name}: {found.place.where}"
            yield found._replace(place=place._replace(where=where))
        for one in side.left_out:
            where = f"{name}: {one.flag} {one.part}".rstrip()
            yield FormResult("proof/left-out", FormLevel.note, one.why, place._replace(where=where))


def _upgraded(told: Upgraded, way: str) -> FormCase:
    if told.unreadable:
        return _unread(told.file, told.unreadable)
    place, places = FormPlace(told.file, 1), DomainPlaces(told.file)
    found = [places.result(refusal, "the old QEMU") for refusal in told.refused_now]
    found += [places.result(refusal, "the new QEMU") for refusal in told.refusals]
    if told.starts is ProofVerdict.refused:
        found.append(FormResult("proof/refused", FormLevel.error, told.said or told.reason, place))
    for name, migration in (("there", told.there), ("back", told.back)):
        if migration is not None:
            found += [one._replace(by=name) for one in _of_migration(migration, place)]
    found += [FormResult("migration/card", FormLevel.warning, describe_card(one), place) for one in told.cards]
    found += [FormResult("live/deprecated", FormLevel.warning, text, place) for text in told.deprecated]
    for mend in told.mends:
        text = f"{mend.value!r} here helps: {mend.why}"
        at = place._replace(where=mend.path)
        found.append(FormResult("upgrade/mend", FormLevel.note, text, at))
    outcome = _OUTCOMES.get(told.verdict, CaseOutcome.passed)
    return FormCase(told.file, way, outcome, tuple(found), told.verdict.value)
