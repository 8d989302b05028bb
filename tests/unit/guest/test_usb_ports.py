"""USB ports: which is free, behind which hub, and which cannot be had."""

from __future__ import annotations

import pytest

from prober.guest.addresses.full import PortError
from prober.guest.addresses.usb import UsbPorts


def test_ports_are_dealt_out_by_controller_and_then_behind_hubs() -> None:
    ports = UsbPorts({1: 1, 0: 2})
    ports.take(0, (2,), is_hub=True)
    found = []
    for _ in range(4):
        bus, path = ports.find()
        ports.take(bus, path)
        found.append((bus, path))
    assert found == [(0, (1,)), (0, (2, 1)), (0, (2, 2)), (0, (2, 3))]
    assert ports.find(1) == (1, (1,))


def test_a_hub_behind_a_hub_is_looked_at_last() -> None:
    ports = UsbPorts({0: 1})
    ports.take(0, (1,), is_hub=True)
    ports.take(0, (1, 8), is_hub=True)
    for number in range(1, 8):
        ports.take(0, (1, number))
    assert ports.find() == (0, (1, 8, 1))


def test_no_more_than_three_hubs_stand_in_a_row() -> None:
    ports = UsbPorts({0: 1})
    path: tuple[int, ...] = ()
    for _ in range(4):
        path = (*path, 1)
        ports.take(0, path, is_hub=True)
        for number in range(2, 9) if len(path) > 1 else ():
            ports.take(0, (*path[:-1], number))
    with pytest.raises(PortError, match="no USB port is free"):
        ports.find()


@pytest.mark.parametrize(
    ("bus", "path", "why"),
    [
        (1, (1,), "no USB controller"),
        (0, (3,), "there are 2 ports"),
        (0, (3, 1), "out of range"),
        (0, (2, 1), "needs a hub at port 2"),
        (0, (1, 9), "there are 8 ports"),
        (0, (1,), "used twice"),
    ],
)
def test_what_cannot_be_had(bus: int, path: tuple[int, ...], why: str) -> None:
    ports = UsbPorts({0: 2})
    ports.take(0, (1,), is_hub=True)
    with pytest.raises(PortError, match=why):
        ports.take(bus, path)
