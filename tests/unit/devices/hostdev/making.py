"""Domains with host devices, and what they come to."""

from __future__ import annotations

import json
from typing import Any

from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.recordings import FIXTURES, load_capabilities, without_lists

DOMAIN = """<domain type='kvm'><name>g</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices>{}</devices></domain>"""


CAPS = without_lists(load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz"))


CONTROLLER = "<controller type='scsi' index='0' model='virtio-scsi'/>"


def run(devices: str, *, controller: str = CONTROLLER) -> Translation:
    return translate(read_domain(DOMAIN.format(controller + devices).encode()), CAPS, binary="/q")


def values(translation: Translation, flag: str, driver: str = "") -> list[dict[str, Any]]:
    pairs = zip(translation.argv, translation.argv[1:], strict=False)
    found = [json.loads(value) for word, value in pairs if word == flag and value.startswith("{")]
    return [value for value in found if driver in value.get("driver", "")]


def pci(place: str, inner: str = "", managed: str = "yes") -> str:
    bus, slot = place.split(":")
    source = f"<source><address bus='0x{bus}' slot='0x{slot}'/></source>"
    return f"<hostdev type='pci' managed='{managed}'>{source}{inner}</hostdev>"


def usb(source: str, inner: str = "", policy: str = "") -> str:
    return f"<hostdev type='usb'><source{policy}>{source}</source>{inner}</hostdev>"


def unit(number: int, inner: str = "") -> str:
    source = f"<source><adapter name='scsi_host3'/><address bus='0' target='1' unit='{number}'/></source>"
    return f"<hostdev type='scsi'>{source}{inner}</hostdev>"


def iscsi(name: str, inner: str = "<host name='h' port='3260'/>") -> str:
    return f"<hostdev type='scsi'><source protocol='iscsi' name='{name}'>{inner}</source></hostdev>"


DISK = "<disk type='file'><source file='/{0}'/><target dev='sd{0}' bus='scsi'/></disk>"
