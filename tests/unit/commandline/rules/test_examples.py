"""The two command lines of each rule: the check finds that rule broken in the one, and nothing in the other.

``tests/integration/test_rule_examples.py`` has real QEMUs judge the same lines.
"""

from __future__ import annotations

import pytest

from prober.commandline.line import Line
from prober.commandline.parse import parse_command_line
from prober.commandline.refusal import Kind
from prober.commandline.report import check_argv
from prober.commandline.rules.rule import Rule
from prober.commandline.rules.table import RULES
from tests.examples import LACKING, is_judged, words_of
from tests.unit.commandline.rules.test_lines import CAPS

PAIRS = [
    pytest.param(rule, version, id=f"{rule.name}-{version}")
    for rule in RULES
    for version in CAPS
    if is_judged(rule, CAPS[version].version.numbers)
]


def test_what_is_left_out_is_a_rule() -> None:
    assert LACKING.keys() <= {rule.name for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.name))
def test_each_rule_is_run_with_some_version(rule: Rule) -> None:
    assert rule.wrong != rule.right
    if any(is_judged(rule, caps.version.numbers) for caps in CAPS.values()):
        return
    # What documentation alone says may hold for versions of which none is at hand.
    assert not rule.warns
    assert by_rule(rule, rule.wrong, "7.2.22")
    assert not by_rule(rule, rule.right, "7.2.22")


def found(line: str, version: str) -> list[tuple[str, str]]:
    """What the check finds: kind and message of each."""
    report = check_argv(["qemu-system-x86_64", *words_of(line, "/tmp")], CAPS[version])
    return [(str(one.kind), one.message) for one in report.findings]


def by_rule(rule: Rule, line: str, version: str) -> list[tuple[str, str]]:
    """What this rule finds by itself, whatever version it is about."""
    options = parse_command_line(["qemu-system-x86_64", *words_of(line, "/tmp")]).options
    return [(str(one.kind), one.message) for one in map(rule.found, rule.find(Line.of(options, CAPS[version])))]


@pytest.mark.parametrize(("rule", "version"), PAIRS)
def test_the_wrong_one_breaks_the_rule_and_nothing_else(rule: Rule, version: str) -> None:
    expected = by_rule(rule, rule.wrong, version)
    assert expected, f"{rule.name} finds nothing in its own example"
    said = found(rule.wrong, version)
    if rule.kind is Kind.deprecated:
        # What was on its way out may be read in a way that no answer tells.
        said = [one for one in said if one[0] != "unknown"]
    assert {one for one in said if one[0] != "deprecated"} | set(expected) == set(expected), said
    assert set(expected) <= set(said), said


@pytest.mark.parametrize(("rule", "version"), PAIRS)
def test_the_right_one_is_sound(rule: Rule, version: str) -> None:
    assert [one for one in found(rule.right, version) if one[0] != "deprecated"] == [], rule.right
