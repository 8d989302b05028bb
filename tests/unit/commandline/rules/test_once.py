"""The rule that there is one device of some types."""

from __future__ import annotations

from prober.commandline.line import Line
from prober.commandline.parse import parse_command_line
from prober.commandline.rules.once import _single
from tests.unit.commandline.rules.test_lines import CAPS

RULE = _single("clock", "clock", ("mc146818rtc", "m48t59-isa"), "hw/rtc.c", "mc146818rtc")


def test_it_has_an_example() -> None:
    assert (RULE.name, RULE.says, RULE.source) == ("line/one-clock", "a machine has one clock", "hw/rtc.c")
    assert RULE.about == ("mc146818rtc", "m48t59-isa")
    assert RULE.wrong == "-display none -machine q35 -device mc146818rtc -device mc146818rtc"
    assert RULE.right == "-display none -machine q35 -device mc146818rtc"


def test_it_finds_the_second() -> None:
    def found(line: str) -> list[str]:
        options = parse_command_line(["qemu", *line.split()]).options
        return [fault.message for fault in RULE.find(Line.of(options, CAPS["10.0.13"]))]

    assert found(RULE.wrong) == ["a machine has one clock, and there is one already"]
    assert found(RULE.right) == []
