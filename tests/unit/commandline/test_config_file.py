"""What files of ``-readconfig`` say, as QEMU 7.2 reads them (each was started with)."""

from __future__ import annotations

import pytest

from prober.commandline.config_file import ConfigOption, read_config
from prober.errors import UsageError


def test_groups_are_options() -> None:
    text = """\
# a comment
[machine]
  type = "q35"

[device "net0"]
  driver = "e1000"
  mac = "52:54:00:00:00:01"
[smp-opts]
  cpus = "2"
[memory]
 size="64M"
[drive "d"]
  file = "a,b"
[global]
  driver = "e1000"
  property = "autonegotiation"
  value = "off"
"""
    assert read_config(text, "x") == [
        ConfigOption(2, "-machine", "type=q35"),
        ConfigOption(5, "-device", "id=net0,driver=e1000,mac=52:54:00:00:00:01"),
        ConfigOption(8, "-smp", "cpus=2"),
        # A word ends at a blank: this is a key with quotes in its name, and no value.
        ConfigOption(10, "-m", 'size="64M"='),
        ConfigOption(12, "-drive", "id=d,file=a,,b"),
        ConfigOption(14, "-global", "driver=e1000,property=autonegotiation,value=off"),
    ]


def test_an_empty_file_has_none() -> None:
    assert read_config("", "x") == read_config("# nothing\n\n", "x") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('type = "pc"\n', "x:1: a key that is in no group"),
        ("[machine]\n   \n", "x:2: neither a group nor a key"),
        ("[ machine ]\n", "x:1: there is no group of options ' machine '"),
        ("\n[machin]\n", "x:2: there is no group of options 'machin'"),
        ("[machine]\n" + "a" * 2000, "x:2: the line has more than"),
        ("#" * (2 << 20), "x has more than"),
    ],
)
def test_what_is_not_read(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("[", r"\[")):
        read_config(text, "x")
