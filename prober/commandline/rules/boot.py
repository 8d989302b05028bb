"""The order in which devices are booted from."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line, Made, number
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

#: What gives a device, or one of its disks, a place in the order.
_INDEXES = ("bootindex", "bootindexA", "bootindexB")


def _twice(line: Line) -> Iterator[Fault]:
    first: dict[int, Made] = {}
    for device in line.devices:
        for key in _INDEXES:
            index = number(device.values[key]) if key in device.values else None
            # What is negative is no place in the order.
            if index is None or index < 0:
                continue
            other = first.setdefault(index, device)
            if other is not device or (key == "bootindexB" and number(device.values.get("bootindexA")) == index):
                yield Fault(device.place, key, f"{key}={index} is that of another {other.typename} already")


RULES = (
    Rule(
        "line/bootindex",
        "a place in the boot order is given once",
        "softmmu/bootdevice.c, check_boot_index",
        _twice,
        about=_INDEXES,
        wrong="-display none -device e1000,bootindex=1 -device e1000,bootindex=1",
        right="-display none -device e1000,bootindex=1 -device e1000,bootindex=2",
    ),
)
