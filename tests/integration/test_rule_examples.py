"""The two command lines of each rule, judged by every QEMU at hand: a rule that is no longer true fails here.

The judge is the bare binary.  It refuses the wrong line of a rule about errors, and takes the right one; what a rule
says is ignored it takes as well, and of what is deprecated it warns.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest

from prober.commandline.refusal import Kind
from prober.commandline.rules.rule import Rule
from prober.commandline.rules.table import RULES
from tests.agreement.compare import judge
from tests.conftest import QemuPlace, aio
from tests.examples import CHECKED_ALONE, directory_in, is_judged, words_of
from tests.integration.real_qemu import capabilities_of

#: Seconds for all rules of one QEMU, on a machine that has other work.
_PATIENCE = 600

#: Without ``--whole``, one in so many rules is judged.
_ONE_IN = 4


async def _judge(line: str, place: QemuPlace) -> tuple[bool, str]:
    with directory_in(place.root) as directory:
        return await judge(place, words_of(line, directory))


async def _verdict(rule: Rule, place: QemuPlace) -> str:
    """What is not as the rule says; empty where all is."""
    took_wrong, said = await _judge(rule.wrong, place)
    if took_wrong is (rule.kind is Kind.error):
        return f"{rule.name}: {'taken' if took_wrong else 'refused'}: {rule.wrong}: {said[-300:]}"
    if rule.kind is Kind.deprecated and rule.warns not in said:
        return f"{rule.name}: no warning: {rule.wrong}: {said[-300:]}"
    took_right, said = await _judge(rule.right, place)
    return "" if took_right else f"{rule.name}: refused: {rule.right}: {said[-300:]}"


async def _judge_all(rules: Iterator[Rule], place: QemuPlace) -> list[str]:
    return [fault for rule in rules if (fault := await _verdict(rule, place))]


async def _side_by_side(rules: list[Rule], place: QemuPlace) -> list[str]:
    waiting = iter(rules)
    workers = (_judge_all(waiting, place) for _ in range(len(os.sched_getaffinity(0))))
    return [fault for found in await asyncio.gather(*workers) for fault in found]


@pytest.mark.slow
@pytest.mark.timeout(_PATIENCE)
def test_what_each_rule_says_is_so(any_qemu: QemuPlace, whole: bool) -> None:
    version = capabilities_of(any_qemu).version.numbers
    rules = [rule for rule in RULES if is_judged(rule, version) and rule.name not in CHECKED_ALONE]
    if not whole:
        rules = rules[::_ONE_IN]
    assert rules
    assert aio(_side_by_side(rules, any_qemu), debug=False) == []
