"""The rule that a limit of a property makes."""

from __future__ import annotations

import pytest

from prober.commandline.line import Line
from prober.commandline.parse import parse_command_line
from prober.commandline.rules.limit import Bound, Reach, only
from tests.unit.commandline.rules.test_lines import CAPS

_NUMBER = Bound(
    "x-ports", "hw/x.c", ("x-base", "y"), "ports", Reach(2, 8, power=True), "-device x,ports={}", "9", "4",
    since=(7, 0, 0), until=(8, 0, 0),
)  # fmt: skip
_TEXT = Bound("x-tag", "hw/x.c", ("x",), "tag", Reach(), "-device x,tag={}", "abc", "ab", longest=2)
_SAID = Bound("x-one", "hw/x.c", ("x",), "one", only(1, 3), "-device x,one={}", "2", "1", says="`one` is odd")


@pytest.mark.parametrize(
    ("bound", "says"),
    [
        (_NUMBER, "`ports` of `x`, `y` is a power of two from 2 to 8"),
        (_TEXT, "`tag` of `x` has at most 2 characters"),
        (_SAID, "`one` is odd"),
    ],
)
def test_a_limit_tells_what_it_is(bound: Bound, says: str) -> None:
    assert bound.as_rule().says == says


def test_a_limit_makes_a_rule_with_an_example() -> None:
    rule = _NUMBER.as_rule()
    assert (rule.name, rule.source, rule.about) == ("line/x-ports", "hw/x.c", ("ports",))
    assert (rule.wrong, rule.right) == ("-display none -device x,ports=9", "-display none -device x,ports=4")
    assert (rule.since, rule.until) == ((7, 0, 0), (8, 0, 0))


def test_a_limit_of_some_numbers_names_them() -> None:
    assert str(only(1, 3)) == "1 or 3"
    assert [number for number in range(5) if only(1, 3).has(number)] == [1, 3]


def test_a_limit_finds_what_is_beyond_it() -> None:
    rule = Bound("x", "hw/x.c", ("usb-hub",), "ports", Reach(1, 4), "-device usb-hub,ports={}", "5", "4").as_rule()

    def found(line: str) -> list[str]:
        options = parse_command_line(["qemu", *line.split()]).options
        return [fault.message for fault in rule.find(Line.of(options, CAPS["10.0.13"]))]

    assert found(rule.wrong) == ["ports is from 1 to 4 here, not 5"]
    assert found(rule.right) == []
