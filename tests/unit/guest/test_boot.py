"""In which turn devices boot, and which say it in two ways."""

from __future__ import annotations

import pytest

from prober.commandline.refusal import Refusal
from prober.errors import RefusedError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.recordings import FIXTURES, load_capabilities

_XML = """<domain type='qemu'>
  <name>boot</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type>{boot}</os>
  <devices>
    <disk type='file'><source file='/a'/><target dev='vda' bus='virtio'/>{first}</disk>
    <disk type='file'><source file='/b'/><target dev='vdb' bus='virtio'/>{second}</disk>
  </devices>
</domain>"""


def refusals_of(**parts: str) -> list[Refusal]:
    caps = load_capabilities(next(FIXTURES.glob("qemu-10.0*.replies.xz")))
    xml = _XML.format(**{"boot": "", "first": "", "second": "", **parts})
    with pytest.raises(RefusedError) as caught:
        translate(read_domain(xml.encode()), caps, binary="/q")
    return [*caught.value.refusals]


def test_each_device_has_a_turn_of_its_own() -> None:
    (refusal,) = refusals_of(first="<boot order='1'/>", second="<boot order='1'/>")
    assert refusal.message == "boot order 1 is used twice, first in line 6"
    assert (refusal.place.line, refusal.rule) == (7, "domain/complete-devices")


def test_turns_are_given_by_devices_or_by_os() -> None:
    (refusal,) = refusals_of(boot="<boot dev='hd'/>", second="<boot order='1'/>")
    assert refusal.message == "a device's <boot order> and <os><boot dev> cannot be used together"
    assert refusal.hint == "keep one of the two"
