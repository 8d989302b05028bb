"""The rows of the devices against the files of their room, and the turns that they and the steps have."""

from __future__ import annotations

from prober.devices.rows import ELEMENTS, ROWS
from prober.domain.shared.device import Device
from prober.translate.order import EMISSIONS
from prober.translate.steps import STEPS
from tests.architecture.imports import ROOT

ROOM = ROOT / "prober" / "devices"


def test_every_file_of_the_room_is_a_device_with_a_row_and_the_other_way_round() -> None:
    files = {path.stem for path in ROOM.iterdir() if not path.name.startswith("_")} - {"rows"}
    assert set(ELEMENTS) == files


def test_devices_reads_what_has_a_row_and_nothing_else() -> None:
    assert Device.choices is ELEMENTS
    assert {row.device.element for row in ROWS} == set(ELEMENTS)


def test_a_row_is_of_a_class_that_stands_in_the_file_of_its_element() -> None:
    for row in ROWS:
        place = row.device.__module__.removeprefix("prober.devices.").split(".")[0]
        assert place == row.device.element, row.device


def test_each_class_has_one_row() -> None:
    assert len({row.device for row in ROWS}) == len(ROWS)


def test_each_turn_of_the_steps_is_taken_once() -> None:
    turns = [step.turn for step in STEPS]
    assert turns == sorted(set(turns))


def test_each_turn_of_the_argv_is_taken_once_or_by_classes_of_one_element() -> None:
    taken = {emission.turn: emission.emit.__name__ for emission in EMISSIONS}
    assert len(taken) == len(EMISSIONS)
    elements: dict[int, str] = {}
    for row in ROWS:
        assert row.argv not in taken, row.device
        assert elements.setdefault(row.argv, row.device.element) == row.device.element
        for emission in row.emissions:
            assert emission.turn not in taken and emission.turn not in elements, row.device
            taken[emission.turn] = row.device.element
