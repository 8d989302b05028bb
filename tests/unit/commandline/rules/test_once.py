"""The rule that there is one device of some types."""

from __future__ import annotations

from prober.commandline.line import Line
from prober.commandline.parse import parse_command_line
from prober.commandline.rules.once import _single
from prober.commandline.rules.rule import Rule
from tests.unit.commandline.rules.test_lines import CAPS


def rule() -> Rule:
    return _single("clock", "clock", ("mc146818rtc", "m48t59-isa"), "hw/rtc.c", "mc146818rtc")


def test_it_has_an_example() -> None:
    one = rule()
    assert (one.name, one.says, one.source) == ("line/one-clock", "a machine has one clock", "hw/rtc.c")
    assert one.about == ("mc146818rtc", "m48t59-isa")
    assert one.wrong == "-display none -machine q35 -device mc146818rtc -device mc146818rtc"
    assert one.right == "-display none -machine q35 -device mc146818rtc"


def test_it_finds_the_second() -> None:
    one = rule()

    def found(line: str) -> list[str]:
        options = parse_command_line(["qemu", *line.split()]).options
        return [fault.message for fault in one.find(Line.of(options, CAPS["10.0.13"]))]

    assert found(one.wrong) == ["a machine has one clock, and there is one already"]
    assert found(one.right) == []
