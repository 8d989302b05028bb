"""Backends that serve one alone."""

from __future__ import annotations

import pytest

from prober.commandline.check import check
from prober.commandline.parse import parse_command_line
from tests.unit.commandline.rules.test_table import CAPS


@pytest.mark.parametrize("value", ["[1]", '{"a":1}', "null", "7"])
def test_a_backend_that_is_no_name_is_the_backend_of_nobody(value: str) -> None:
    words = ["qemu", "-M", "pc"]
    for number in (1, 2):
        words += ["-device", f'{{"driver":"isa-serial","chardev":{value}}}']
        words += ["-netdev", f'{{"type":"vhost-user","id":"n{number}","chardev":{value}}}']
        words += ["-netdev", f'{{"type":"hubport","id":"h{number}","hubid":1,"netdev":{value}}}']
    found = check(parse_command_line(words).options, CAPS["10.0.13"])
    assert not any("serves another" in finding.message for finding in found)
