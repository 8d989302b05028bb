"""What docs/rules.md says of rules that take a QEMU that runs: the one call tells of it, and the other does not."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from prober.export.rulebook.find import words
from tests.integration.processes import run_prober

pytestmark = [pytest.mark.needs("qemu"), pytest.mark.slow]

CALLS = [pytest.param(rule, id=rule) for rule, own in words().items() if "tried" in own]


def rules_of(call: str) -> set[str]:
    """The rules of all that a call finds."""
    command, *options = shlex.split(call)
    if command == "plug":
        return set(_rules_in(json.loads(run_prober(command, "--json", *options).out)))
    ended = run_prober(command, "--format", "sarif", *options)
    return {one["ruleId"] for one in json.loads(ended.out)["runs"][0]["results"]}


def _rules_in(told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        if "rule" in told:
            yield told["rule"]
        told = list(told.values())
    if isinstance(told, list):
        for one in told:
            yield from _rules_in(one)


@pytest.mark.parametrize("rule", CALLS)
def test_the_one_call_tells_of_it_and_the_other_of_nothing(rule: str) -> None:
    own = words()[rule]
    assert rule in rules_of(own["tried"])
    assert rules_of(own["sound"]) == set()
