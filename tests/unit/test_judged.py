"""The check against the lines that real QEMUs have judged (``make compare``), and how the outcomes are counted."""

from __future__ import annotations

import json

import pytest

from prober.commandline.refusal import Kind
from prober.commandline.report import ArgvFinding, ArgvReport
from tests.agreement.tables import TABLE, Judged, compare_table, outcome_of, text_of
from tests.unit.commandline.rules.test_lines import CAPS

#: The most of QEMU's refusals that the check may not see.
_MISSED = 0.1


def report(*kinds: Kind) -> ArgvReport:
    findings = [
        ArgvFinding(position=1, flag="-m", part="", kind=kind, message="", qemu_name=None, evidence=None, hint="")
        for kind in kinds
    ]
    return ArgvReport(findings=tuple(findings), clean=not kinds)


@pytest.mark.parametrize(
    ("kinds", "taken", "outcome"),
    [
        ((), True, "agree"),
        ((), False, "false acceptance"),
        ((Kind.error, Kind.unknown), False, "agree"),
        ((Kind.error,), True, "false refusal"),
        ((Kind.unknown, Kind.ignored), True, "unknown, taken"),
        ((Kind.unknown,), False, "unknown, refused"),
        ((Kind.ignored, Kind.deprecated), True, "agree"),
    ],
)
def test_an_outcome(kinds: tuple[Kind, ...], taken: bool, outcome: str) -> None:
    assert outcome_of(report(*kinds), taken) == outcome


def test_words_that_cannot_be_read_are_refused() -> None:
    assert [outcome_of(None, taken) for taken in (False, True)] == ["agree", "false refusal"]


def test_a_line_for_each_version() -> None:
    table: Judged = {
        "-machine q35": {"7.2.22": {"verdict": "accepted", "says": []}, "1.0.0": {"verdict": "refused", "says": []}},
        "-machine no": {"7.2.22": {"verdict": "refused", "says": []}, "5.2.0": {"verdict": "crashed 6", "says": []}},
        "-smp 4,maxcpus=2": {"7.2.22": {"verdict": "accepted", "says": ["as if"]}},
    }  # fmt: skip
    counts, others = compare_table(table, {version: CAPS[version] for version in ("5.2.0", "7.2.22")})
    assert counts["7.2.22"] == {"agree": 2, "false refusal": 1, "refusals": 1}
    assert counts["5.2.0"] == {"agree": 1, "refusals": 1}
    assert [one.partition(" | -smp")[0] for one in others] == ["false refusal | 7.2.22"]
    assert text_of(counts).splitlines()[1].split() == ["5.2.0", "1", "1", "0", "0", "0", "0", "0.0", "%"]


@pytest.mark.slow
def test_our_own_table_has_no_false_refusal_and_few_false_acceptances() -> None:
    counts, others = compare_table(json.loads(TABLE.read_text("utf-8")), CAPS)
    assert [other for other in others if other.startswith("false refusal")] == []
    for count in counts.values():
        assert count["refusals"] > 100
        assert count["false acceptance"] <= _MISSED * count["refusals"]
