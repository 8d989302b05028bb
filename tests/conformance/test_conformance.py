"""The bars of `make conformance`, where libvirt's data is at hand."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from prober.commandline.report import check_argv
from prober.host.host import Host
from prober.translate.read import read_domain
from tests.conformance.mutations import Mutant, Part
from tests.conformance.suite import (
    Case,
    Verdict,
    capabilities_of,
    deviations,
    find_cases,
    host_of,
    judge,
    newest,
    suite_host,
    translate_case,
)
from tests.recordings import LIBVIRT

pytestmark = pytest.mark.libvirt

HERE = Path(__file__).parent
REPLIES = LIBVIRT / "replies"

#: How many values that other domains have at a place are tried there.
_TRIED = 8


@pytest.fixture(scope="module", autouse=True)
def _keeps_nothing() -> Iterator[None]:
    """Three dozen recorded QEMUs: a worker that kept them would fork the slower for all tests that follow."""
    yield
    verdicts.cache_clear()
    capabilities_of.cache_clear()


@cache
def verdicts() -> list[Verdict]:
    """The verdict on each case."""
    host = suite_host(LIBVIRT / "firmware")
    return [judge(case, REPLIES, host) for case in find_cases(LIBVIRT / "pairs")]


def accepted() -> list[Case]:
    """The cases that become a command line here and there."""
    return [verdict.case for verdict in verdicts() if verdict.case.kind == "args" and verdict.kind != "refused"]


@cache
def reviewed() -> dict[str, str]:
    """Parts without effect that no mark says anything of, each with the reason."""
    told = tomllib.loads((HERE / "without-effect.toml").read_text())
    return {str(path): str(reason) for path, reason in told.items()}


def test_no_command_line_differs() -> None:
    different = {str(verdict.case): verdict for verdict in verdicts() if verdict.kind == "different"}
    assert {case: verdict.notes for case, verdict in different.items() if not verdict.reason} == {}
    assert set(deviations()) <= set(different), "reasons for what does not differ"


def test_enough_is_alike() -> None:
    kinds = Counter((verdict.case.kind, verdict.kind) for verdict in verdicts())
    assert kinds["args", "identical"] + kinds["args", "reordered"] >= 437
    assert kinds["args", "different"] == 0
    assert kinds["err", "refused"] >= 98


def test_each_refusal_of_what_libvirt_builds_has_its_reason() -> None:
    told = tomllib.loads((HERE / "refused.toml").read_text())
    refused = {str(verdict.case) for verdict in verdicts() if verdict.case.kind == "args" and verdict.kind == "refused"}
    built = {str(verdict.case) for verdict in verdicts() if verdict.kind == "accepted"}
    assert set(told["refused"]) == refused
    assert set(told["accepted"]) == built
    for case, why in (told["refused"] | told["accepted"]).items():
        assert set(why) == {"reason", "proof"}, case
        assert all(why.values()), case


def test_accepted_command_lines_pass_the_check() -> None:
    host = suite_host(LIBVIRT / "firmware")
    for case in accepted():
        argv = translate_case(case, REPLIES, host).argv
        report = check_argv(list(argv), capabilities_of(REPLIES, case.version), assume_unknown_present=True)
        assert report.clean, (str(case), report.findings)


@pytest.mark.timeout(900)
def test_nothing_is_dropped(whole: bool) -> None:
    """Without ``--whole`` each value of a part is tried in one of the domains that have it, and not in each of them."""
    host = suite_host(LIBVIRT / "firmware")
    mutants = [(case, _mutant(case, host)) for case in accepted()]
    seen: dict[str, dict[str, None]] = {}
    for _, mutant in mutants:
        for part in mutant.parts():
            values = seen.setdefault(part.name, {})
            if len(values) < _TRIED:
                values[mutant.value(part)] = None
    dropped: dict[str, str] = {}
    tried: set[tuple[str, ...]] = set()
    for case, mutant in mutants:
        for part in mutant.parts():
            setting = mutant.setting(part) if whole else (part.name, mutant.value(part))
            if part.name in dropped or setting in tried:
                continue
            tried.add(setting)
            if not mutant.fate(part, seen[part.name]):
                dropped.setdefault(part.name, _show(case, mutant, part))
    assert {name: where for name, where in dropped.items() if name not in reviewed()} == {}
    if whole:
        assert set(reviewed()) - set(dropped) == set(), "reviewed, and not without effect"


def _mutant(case: Case, host: Host) -> Mutant:
    xml = case.xml.read_bytes()
    own = host_of(case, read_domain(xml), host, newest(REPLIES))
    return Mutant(xml, capabilities_of(REPLIES, case.version), own)


def _show(case: Case, mutant: Mutant, part: Part) -> str:
    return f"{case}: {part.path} = {mutant.value(part)[:60]!r}"
