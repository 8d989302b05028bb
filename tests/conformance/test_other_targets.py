"""The bars of libvirt's cases for other targets than x86, where its data is at hand."""

from __future__ import annotations

import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from prober.commandline.report import check_argv
from tests.conformance.suite import (
    OTHERS,
    Verdict,
    capabilities_of,
    collection_of,
    find_cases,
    suite_host,
    translate_case,
)
from tests.recordings import LIBVIRT

pytestmark = [pytest.mark.libvirt, pytest.mark.slow]

HERE = Path(__file__).parent

#: How many are alike, of those whose machine is ``virt``, and how many libvirt refuses as well.
BARS = {"aarch64": (40, 6), "riscv64": (8, 1), "loongarch64": (5, 0)}


@cache
def verdicts(architecture: str) -> list[Verdict]:
    """The verdict on each case of an architecture."""
    return collection_of(architecture).verdicts()


@pytest.mark.parametrize("architecture", OTHERS)
def test_no_command_line_differs_and_enough_is_alike(architecture: str) -> None:
    found = verdicts(architecture)
    assert [verdict for verdict in found if verdict.kind == "different"] == []
    kinds = Counter((verdict.case.kind, verdict.kind) for verdict in found)
    assert (kinds["args", "identical"], kinds["err", "refused"]) == BARS[architecture]
    assert kinds["err", "accepted"] == 0


@pytest.mark.parametrize("architecture", OTHERS)
def test_each_refusal_of_what_libvirt_builds_has_its_reason(architecture: str) -> None:
    told = tomllib.loads((HERE / "refused-other.toml").read_text())[architecture]
    refused = {verdict.case.name: verdict for verdict in verdicts(architecture) if verdict.kind == "refused"}
    refused = {name: verdict for name, verdict in refused.items() if verdict.case.kind == "args"}
    assert told.keys() == refused.keys()
    for name, why in told.items():
        assert any(why in note for note in refused[name].notes), refused[name].notes


@pytest.mark.parametrize("architecture", OTHERS)
def test_other_boards_are_refused_in_one_line(architecture: str) -> None:
    for verdict in verdicts(architecture):
        if verdict.groups == ("/domain/os/type/@machine",):
            assert len(verdict.notes) == 1, verdict.notes


@pytest.mark.parametrize("architecture", OTHERS)
def test_accepted_command_lines_pass_the_check(architecture: str) -> None:
    host, found = suite_host(LIBVIRT / "firmware"), collection_of(architecture)
    alike = {str(verdict.case) for verdict in verdicts(architecture) if verdict.kind == "identical"}
    for case in find_cases(found.pairs):
        if str(case) in alike:
            argv = translate_case(case, found.replies, host).argv
            caps = capabilities_of(found.replies, case.version)
            report = check_argv(list(argv), caps, assume_unknown_present=True)
            assert report.clean, (str(case), report.findings)
