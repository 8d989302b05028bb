"""Domains with interfaces, on a host with networks, and what they come to."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from prober.capabilities.capabilities import Capabilities
from prober.host.host import Host, Network, Settings
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.recordings import FIXTURES, load_capabilities

DOMAIN = """<domain type='{}'><name>g</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>{}</devices></domain>"""


NETWORKS = {
    "nat": Network(),
    "bridged": Network(forward="bridge", bridge="br0"),
    "open": Network(forward="bridge", bridge="br0", virtualport="openvswitch"),
    "macvtap": Network(forward="passthrough"),
    "pool": Network(forward="hostdev", devices=("0000:03:00.1", "0000:03:00.2"), managed=True),
    "wrong": Network(forward="hostdev", devices=("eth0",)),
}


@cache
def capabilities(version: str) -> Capabilities:
    return load_capabilities(FIXTURES / f"qemu-{version}.replies.xz")


def run(devices: str, *, domain_type: str = "kvm", version: str = "10.0.13", **settings: Any) -> Translation:
    caps = capabilities(version)
    host = Host(networks=NETWORKS, settings=Settings(**settings))
    return translate(read_domain(DOMAIN.format(domain_type, devices).encode()), caps, binary="/q", host=host)


def values(translation: Translation, flag: str, driver: str = "") -> list[dict[str, Any]]:
    pairs = zip(translation.argv, translation.argv[1:], strict=False)
    found = [json.loads(value) for word, value in pairs if word == flag and value.startswith("{")]
    return [value for value in found if driver in value.get("driver", "")]


def todos(translation: Translation, kind: str) -> list[str]:
    return [item.todo for item in translation.resources if item.kind == kind]


def bridge(inner: str = "", model: str = "virtio") -> str:
    return f"<interface type='bridge'><source bridge='br0'/><model type='{model}'/>{inner}</interface>"


def network(name: str, inner: str = "") -> str:
    return f"<interface type='network'><source network='{name}'/><model type='virtio'/>{inner}</interface>"
