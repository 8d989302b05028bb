"""Domains against QEMUs (``prober check``)."""

from __future__ import annotations

from collections.abc import Sequence

from prober.cli.checking import DomainTold, QemuOutcome, unversioned
from prober.cli.forms.lines import proof_results
from prober.cli.forms.places import DomainPlaces, unreadable_result
from prober.export.forms.model import CaseOutcome, FormCase, FormPlace, FormReport

_OUTCOMES = {
    "yes": CaseOutcome.passed,
    "no": CaseOutcome.refused,
    "unknown": CaseOutcome.unknown,
    "not asked": CaseOutcome.broken,
}


def report_domains(told: Sequence[DomainTold]) -> FormReport:
    """A case for each domain and each QEMU that is for it; one for a domain that cannot be read."""
    return FormReport("check", tuple(case for one in told for case in _cases(one)))


def _cases(told: DomainTold) -> list[FormCase]:
    if told.unreadable is not None:
        message, hint, _ = told.unreadable
        found = unreadable_result(told.file, message, hint)
        return [FormCase(told.file, "", CaseOutcome.broken, (found,), message)]
    places = DomainPlaces(told.path, told.xml)
    return [_case(told.file, one, places) for one in told.outcomes if one.other_target is None]


def _case(file: str, one: QemuOutcome, places: DomainPlaces) -> FormCase:
    who = f"QEMU {one.numbers}" if one.version else ""
    refused = [places.result(refusal, who, unversioned(refusal, one)) for refusal in one.refusals]
    found = [*refused, *(places.result(note, who, unversioned(note, one)) for note in one.notes)]
    said = one.error.message if one.error is not None else f"{one.verdict} ({one.ground})"
    seconds = 0.0
    if one.proof is not None:
        found += [result._replace(by=who) for result in proof_results(one.proof, FormPlace(file, 1))]
        said, seconds = f"{one.proof['verdict']} ({one.ground})", one.proof["seconds"]
    if one.verdict == "no" and one.refusals:
        said = f"refused for {len(one.refusals)} reason{'s' if len(one.refusals) > 1 else ''}"
    return FormCase(
        file, f"{who} ({one.label})" if who else one.label, _OUTCOMES[one.verdict], tuple(found), said, seconds
    )
