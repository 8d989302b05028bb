"""The names of disks, and the numbers that they stand for."""

from __future__ import annotations

import pytest

from prober.devices.disk.names import index_of, prefix_of


@pytest.mark.parametrize(
    ("name", "prefix", "index"),
    [
        ("vda", "vd", 0),
        ("hdz", "hd", 25),
        ("sdaa", "sd", 26),
        ("xvdb", "xvd", 1),
        ("fdb", "fd", 1),
        ("sdzz", "sd", 701),
    ],
)
def test_a_name_is_a_kind_and_a_number(name: str, prefix: str, index: int) -> None:
    assert (prefix_of(name), index_of(name)) == (prefix, index)


@pytest.mark.parametrize("name", ["", "vd", "vda1", "nvme0", "VDA", "vdaaaaaaaaaa", "vda\n"])
def test_other_names_are_none(name: str) -> None:
    assert index_of(name) == -1
