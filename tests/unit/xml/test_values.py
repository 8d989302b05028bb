"""Values are read as libvirt writes them, and refused with a sentence that reads on after the value."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from prober.domain.memory import Memory
from prober.xml import values
from tests.elements import element_of


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (values.Count, " 7 ", 7),
        (values.Byte, "0x1F", 31),
        (values.PciSlot, "31", 31),
        (values.OnOff, "on", True),
        (values.YesNo, "no", False),
        (values.Uuid, "C7A5FDBDCDAF9455926AD65C16DB1809", "c7a5fdbd-cdaf-9455-926a-d65c16db1809"),
        (values.MacAddress, "52:54:00:AA:bb:01", "52:54:00:aa:bb:01"),
        (values.AbsolutePath, "/a,b ", "/a,b "),
        (values.DomainName, "a, b=c", "a, b=c"),
        (values.NumberSet, "0-3,^2, 8", (0, 1, 3, 8)),
        (values.Unit, "mib", "MiB"),
    ],
)
def test_read(kind: Any, text: str, value: object) -> None:
    assert TypeAdapter(kind).validate_python(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        (values.Count, "-1", "is not a number"),
        (values.Count, "1_0", "is not a number"),
        (values.Count, "٣٤", "is not a number"),
        (values.Count, "9" * 5000, "is not a number"),
        (values.Count, "4294967296", "is out of range: 0 to 4294967295"),
        (values.PositiveCount, "0", "is out of range"),
        (values.PciSlot, "0x20", "is out of range: 0 to 31"),
        (values.Byte, "0xg", "is not a number"),
        (values.OnOff, "yes", "is neither 'on' nor 'off'"),
        (values.YesNo, "on", "is neither 'yes' nor 'no'"),
        (values.NumberSet, "0,^0", "is empty"),
        (values.NumberSet, "3-1", "is not within 0 to 16383"),
        (values.NumberSet, "0-16384", "is not within 0 to 16383"),
        (values.NumberSet, "^0-1", "is not a set of numbers"),
        (values.Unit, "MiBi", "is not a unit of memory"),
        (values.Uuid, "{c7a5fdbd-cdaf-9455-926a-d65c16db1809}", "is not a UUID"),
        (values.Uuid, "urn:uuid:c7a5fdbd-cdaf-9455-926a-d65c16db1809", "is not a UUID"),
        (values.MacAddress, "52:54:00:aa:bb", "is not a MAC address"),
        (values.MacAddress, "ff:ff:ff:ff:ff:ff", "is a multicast address"),
        (values.AbsolutePath, "a/b", "is not an absolute path"),
        (values.AbsolutePath, " /a", "is not an absolute path"),
        (values.AbsolutePath, "fd:3", "is not an absolute path"),
        (values.AbsolutePath, "/" + "a" * 4095, "is longer than a path can be"),
        (values.AbsolutePath, "/a\nb", "has a line break or control character"),
        (values.DomainName, "a/b", "has a slash"),
        (values.DomainName, "\u2028", "is empty"),
        (values.DomainName, "a\x7f", "has a line break or control character"),
        (values.Line, " ", "is empty"),
    ],
)
def test_refused(kind: Any, text: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(text)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("amount", "unit", "kibibytes"),
    [(1, "KiB", 1), (1, "b", 1), (1025, "bytes", 2), (1, "KB", 1), (3, "MB", 2930), (1, "GiB", 2**20), (2, "T", 2**31)],
)
def test_memory_is_rounded_up_to_kibibytes(amount: int, unit: str, kibibytes: int) -> None:
    assert element_of(Memory, value=amount, unit=unit).kibibytes == kibibytes


def test_every_unit_has_its_size() -> None:
    for unit in values.UNITS:
        element_of(Memory, value=1, unit=unit)


def test_ranges_write_each_run_as_one_word() -> None:
    assert values.ranges([8, 0, 1, 2]) == ["0-2", "8"]
