"""The order of controllers, and the indexes that they get."""

from __future__ import annotations

from typing import Any

import pytest

from prober.devices.controller import Controller, SataController, UsbController
from prober.devices.controller.order import IndexesUsedUp, controllers_in_order, with_indexes
from tests.elements import element_of


def usb(model: str, index: int | None = None) -> UsbController:
    return element_of(UsbController, type="usb", model=model, index=index)


def sata(index: int | None = None) -> Controller:
    values: dict[str, Any] = {"type": "sata", "index": index}
    made = element_of(SataController, **values)
    assert isinstance(made, Controller)
    return made


def told(controllers: list[Controller]) -> list[tuple[str, int | None]]:
    return [(getattr(c, "model", c.controller_type), c.index) for c in controllers]


def test_controllers_stand_by_index_among_their_type() -> None:
    ordered = controllers_in_order([sata(2), usb("ehci", 1), sata(0), usb("qemu-xhci", 0)])
    assert told(ordered) == [("sata", 0), ("sata", 2), ("qemu-xhci", 0), ("ehci", 1)]


def test_a_master_stands_before_its_companions() -> None:
    ordered = controllers_in_order([usb("ich9-uhci1", 0), usb("ich9-uhci2", 0), usb("ich9-ehci1", 0)])
    assert told(ordered) == [("ich9-ehci1", 0), ("ich9-uhci1", 0), ("ich9-uhci2", 0)]


def test_the_lowest_free_index_is_given() -> None:
    numbered = with_indexes(controllers_in_order([sata(1), sata(), sata()]))
    assert told(numbered) == [("sata", 1), ("sata", 0), ("sata", 2)]


def test_the_parts_of_one_usb_2_get_one_index() -> None:
    parts = ("ich9-ehci1", "ich9-uhci1", "ich9-uhci2", "ich9-uhci3")
    numbered = with_indexes(controllers_in_order([usb(model) for model in (*parts, *parts)]))
    assert told(numbered) == [(model, index) for index in (0, 1) for model in parts]


def test_another_controller_between_ends_a_usb_2() -> None:
    numbered = with_indexes(controllers_in_order([usb("ich9-ehci1"), usb("qemu-xhci"), usb("ich9-uhci1")]))
    assert told(numbered) == [("ich9-ehci1", 0), ("qemu-xhci", 1), ("ich9-uhci1", 2)]


def test_there_is_an_end_to_indexes() -> None:
    with pytest.raises(IndexesUsedUp, match="255"):
        with_indexes(controllers_in_order([sata(number) for number in range(256)] + [sata()]))
