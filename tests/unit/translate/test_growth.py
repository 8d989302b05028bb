"""Twice the devices take twice the work, counted in calls of Python functions, which no busy machine changes."""

from __future__ import annotations

import sys
from contextlib import suppress
from itertools import count, product
from string import ascii_lowercase
from types import FrameType

import pytest

from prober.capabilities.capabilities import Capabilities
from prober.errors import RefusedError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.recordings import FIXTURES, load_capabilities

_DOMAIN = """<domain type='qemu'><name>many</name><memory unit='MiB'>256</memory>
<maxMemory slots='4096' unit='TiB'>4</maxMemory><cpu><numa><cell id='0' cpus='0' memory='256' unit='MiB'/></numa></cpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>{}</devices></domain>"""
_DISK = "<disk type='file' device='disk'><source file='/d'/><target dev='{}{{name}}' bus='{}'/></disk>"
_DEVICES = {
    "serial": "<serial type='pty'/>",
    "serial of USB": "<serial type='pty'><target type='usb-serial'/></serial>",
    "channel": "<channel type='pty'><target type='virtio' name='x'/></channel>",
    "hub": "<hub type='usb'/>",
    "port": "<controller type='pci' model='pcie-root-port'/>",
    "dimm": "<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>",
    "dimm at a place": "<memory model='dimm'><target><size unit='KiB'>4</size><node>0</node></target>"
    "<address type='dimm' slot='{number}' base='{base}'/></memory>",
    "disk of USB": _DISK.format("sd", "usb"),
}
#: Of this many, twice and four times as many; of ports fewer, as no machine has slots for 400, and what is refused
#: takes more than what is not.
_TIMES, _PORTS = 100, 50
#: From twice to four times as many is twice as far as to twice; where each looks at all others, four times.  Somewhat
#: more is due where the first ones are refused for less.
_MOST = 2.75


def _document(device: str, times: int) -> bytes:
    names = ("".join(name) for length in count(1) for name in product(ascii_lowercase, repeat=length))
    each = (
        device.format(name=name, number=number, base=hex((1 << 32) + (number << 13)))
        for number, name in zip(range(times), names, strict=False)
    )
    return _DOMAIN.format("".join(each)).encode()


def _calls(document: bytes, caps: Capabilities) -> int:
    """How often a function of Python is called, or a generator goes on, until there is an answer."""
    called = 0

    def note(_: FrameType, event: str, __: object) -> None:
        nonlocal called
        called += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        with suppress(RefusedError):  # Of some there cannot be as many; that is found in as little time.
            translate(read_domain(document), caps, binary="/usr/bin/qemu-system-x86_64")
    finally:
        sys.setprofile(before)
    return called


@pytest.mark.slow
@pytest.mark.parametrize("kind", _DEVICES)
def test_twice_the_devices_take_twice_the_work(kind: str) -> None:
    caps = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")
    most = _PORTS if kind == "port" else _TIMES
    documents = [_document(_DEVICES[kind], most * times) for times in (1, 2, 4)]
    _calls(documents[0], caps)  # What is made once is made.
    once, twice, four_times = (_calls(document, caps) for document in documents)
    assert four_times - twice <= _MOST * (twice - once)
