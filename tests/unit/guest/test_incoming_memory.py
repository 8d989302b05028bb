"""Memory of a guest that comes from elsewhere has the sizes that it ran with."""

from __future__ import annotations

import pytest

from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.recordings import FIXTURES, load_capabilities

CAPS = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")

XML = """\
<domain type='qemu'>
  <name>moved</name>
  <memory unit='KiB'>{memory}</memory>
  <maxMemory slots='2' unit='KiB'>1048584</maxMemory>
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <features><acpi/></features>
  <cpu><numa>
    <cell id='0' cpus='0' memory='65544' unit='KiB'/>
    <cell id='1' cpus='1' memory='65528' unit='KiB'/>
  </numa></cpu>
  <devices><memballoon model='none'/></devices>
</domain>"""


@pytest.mark.parametrize(
    ("incoming", "size", "cells"),
    [
        (None, "size=132096k,slots=2,maxmem=1049600k", ("68157440", "67108864")),
        ("defer", "size=131072k,slots=2,maxmem=1048584k", ("67117056", "67100672")),
    ],
)
def test_sizes_are_rounded_at_a_fresh_start_alone(incoming: str | None, size: str, cells: tuple[str, str]) -> None:
    domain = read_domain(XML.format(memory=131072).encode())
    argv = translate(domain, CAPS, binary="/q", incoming=incoming).argv
    assert argv[argv.index("-m") + 1] == size
    objects = [word for word in argv if "memory-backend-ram" in word]
    assert [word.partition('"size":')[2].rstrip("}") for word in objects] == list(cells)
