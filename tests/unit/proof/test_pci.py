"""Where a live machine has its PCI devices, against where the line put them."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from prober.proof.given import given_options
from prober.proof.pci import moved_devices, pci_places

_REPLY: JsonValue = [
    {
        "bus": 0,
        "devices": [
            {"qdev_id": "", "slot": 0, "function": 0},
            {"qdev_id": "n", "slot": 3, "function": 0},
            {
                "qdev_id": "rp",
                "slot": 4,
                "function": 1,
                "pci_bridge": {"devices": [{"qdev_id": "below", "slot": 0, "function": 0}]},
            },
        ],
    }
]


def test_devices_are_found_by_their_ids_behind_bridges_too() -> None:
    assert pci_places(_REPLY) == {"n": (3, 0), "rp": (4, 1), "below": (0, 0)}


@pytest.mark.parametrize("reply", [None, [], {}, [1], [{"devices": 5}], [{"devices": [{"qdev_id": 1}]}]])
def test_any_answer_is_read(reply: JsonValue) -> None:
    assert pci_places(reply) == {}


def test_bridges_without_an_end_are_left() -> None:
    device: dict[str, JsonValue] = {"qdev_id": "a", "slot": 1, "function": 0}
    device["pci_bridge"] = {"devices": [device]}
    assert pci_places([{"devices": [device]}]) == {"a": (1, 0)}


def test_what_is_not_at_its_address_is_told() -> None:
    words = [
        "qemu",
        "-device",
        "e1000,id=n,addr=0x5",
        "-device",
        "pcie-root-port,id=rp,addr=4.1",
        "-device",
        "x,id=y,addr=1",
    ]
    found = list(moved_devices(given_options(words), pci_places(_REPLY)))
    assert [(one.position, one.part, one.given, one.got) for one in found] == [(1, "addr", "0x5", "03.0")]
