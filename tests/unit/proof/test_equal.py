"""A value that was given is the one that a live QEMU tells, however each writes it."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from prober.proof.equal import is_same


@pytest.mark.parametrize(
    ("name", "given", "got"),
    [
        ("size", "64K", 65536),
        ("x", "0xff", 255),
        ("x", "-1", 2**32 - 1),
        ("x", "on", True),
        ("x", True, True),
        ("x", "off", False),
        ("x", 1, True),
        ("mac", "52:54:00:AB:00:01", "52:54:00:ab:00:01"),
        ("memdev", "mem0", "/objects/mem0"),
        ("parent_bus", "rp0", "/machine/peripheral/rp0/rp0"),
        ("addr", "0x6", "06.0"),
        ("addr", "0x6.0x1", 49),
        ("addr", "06.1", "06.1"),
        ("guid", "auto", "c7a5fdbd-edaf-9455-926a-d65c16db1809"),
        ("host-nodes", [0, 1], [0, 1]),
        ("host-nodes", "0", [0]),
        ("limits", {"iops-total": 100}, {"iops-total": 100, "bps-total": 0}),
        ("x", "on", "on"),
        ("x", True, "on"),
        ("serial", "007", "7"),
    ],
)
def test_the_same_value(name: str, given: JsonValue, got: JsonValue) -> None:
    assert is_same(name, given, got)


@pytest.mark.parametrize(
    ("name", "given", "got"),
    [
        ("size", "64K", 65537),
        ("x", "on", False),
        ("x", True, "off"),
        ("addr", "0x6", "06.1"),
        ("mac", "52:54:00:00:00:01", "52:54:00:00:00:02"),
        ("memdev", "mem0", "/objects/mem1"),
        ("x", "abc", "abd"),
        ("host-nodes", [0, 1], [0]),
        ("x", "5", None),
        ("limits", {"iops-total": 100}, {"iops-total": 0}),
    ],
)
def test_another_value(name: str, given: JsonValue, got: JsonValue) -> None:
    assert not is_same(name, given, got)
