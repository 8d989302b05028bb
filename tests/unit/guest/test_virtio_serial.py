"""Ports of virtio-serial controllers: which is free, and which cannot be had."""

from __future__ import annotations

import pytest

from prober.guest.addresses.full import PortError
from prober.guest.addresses.virtio_serial import VirtioSerialPorts


def test_ports_are_dealt_out_from_one_on_and_controllers_added() -> None:
    ports = VirtioSerialPorts({0: 3, 4: 2})
    ports.take(0, 1)
    assert [ports.take_next(first=1) for _ in range(3)] == [(0, 2), (4, 1), (1, 1)]
    assert ports.controllers == [0, 1, 4]
    assert ports.take_next(first=1) == (1, 2)


def test_port_0_is_for_consoles() -> None:
    ports = VirtioSerialPorts({0: 2})
    assert ports.take_next(first=0) == (0, 0)
    assert ports.take_next_of(0) == 1
    with pytest.raises(PortError, match="no free port"):
        ports.take_next_of(0)


@pytest.mark.parametrize(
    ("controller", "port", "why"), [(1, 1, "no virtio-serial"), (0, 2, "up to 1"), (0, 1, "twice")]
)
def test_what_cannot_be_had(controller: int, port: int, why: str) -> None:
    ports = VirtioSerialPorts({0: 2})
    ports.take(0, 1)
    with pytest.raises(PortError, match=why):
        ports.take(controller, port)


def test_there_is_an_end_to_controllers() -> None:
    ports = VirtioSerialPorts(dict.fromkeys(range(256), 1))
    with pytest.raises(PortError, match="no more of them"):
        ports.take_next(first=1)
