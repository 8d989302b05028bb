"""The slots of a machine's own display and network cards."""

from __future__ import annotations

import pytest

from prober.commandline.line import Line
from prober.commandline.own_slots import cards_of, network_cards, occupied
from prober.commandline.parse import parse_command_line, split_shell
from tests.unit.commandline.rules.test_table import CAPS


def line_of(text: str) -> Line:
    return Line.of(parse_command_line(["qemu", *split_shell(text)]).options, CAPS["10.0.13"])


def slots_of(line: Line) -> dict[int, dict[int, bool | None]]:
    assert line.family.root is not None
    return occupied(line.family.root, line)


@pytest.mark.parametrize(
    ("text", "cards", "of_network"),
    [
        ("-M pc", 2, 1),
        ("-M pc -nodefaults", 0, 0),
        ("-M pc -vga none", 1, 1),
        ("-M pc -vga std,retrace=dumb", 2, 1),
        ("-M pc -nodefaults -vga virtio", 1, 0),
        ("-M pc -device VGA", 1, 1),
        ("-M pc -net none", 1, 0),
        ("-M pc -nic none", 1, 0),
        ("-M pc -net nic -net nic -net user", 3, 2),
        ("-M pc -netdev user,id=n", 1, 0),
        ("-M pc -net nic,model=other", None, None),
        ("-M pc -net nic,addr=5", None, None),
        ("-M pc -vga other", None, 1),
        ("-M pc -device virtio-vga-gl", None, 1),
    ],
)
def test_how_many_slots_are_taken(text: str, cards: int | None, of_network: int | None) -> None:
    line = line_of(text)
    assert (cards_of(line), network_cards(line)) == (cards, of_network)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-M pc -nodefaults", {0: {0}, 1: {0, 1, 3}}),
        ("-M pc,acpi=off -nodefaults", {0: {0}, 1: {0, 1}}),
        ("-M pc,usb=on", {0: {0}, 1: {0, 1, 2, 3}, 2: {0}, 3: {0}}),
    ],
)
def test_a_pc_has_its_parts_in_the_first_two(text: str, expected: dict[int, set[int]]) -> None:
    slots = slots_of(line_of(text))
    assert {slot: set(functions) for slot, functions in slots.items()} == expected


@pytest.mark.parametrize(
    ("text", "last", "usb"),
    [
        ("-M q35 -nodefaults", {0, 2, 3}, set()),
        ("-M q35,sata=off,smbus=off -nodefaults", {0}, set()),
        ("-M q35 -nodefaults -usb", {0, 2, 3}, {0, 1, 2, 7}),
    ],
)
def test_a_q35_has_its_parts_in_the_last_three(text: str, last: set[int], usb: set[int]) -> None:
    slots = slots_of(line_of(text))
    assert (set(slots[0x1F]), set(slots.get(0x1D, ()))) == (last, usb)
