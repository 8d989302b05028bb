"""Domains with the disks of a test, and what they come to."""

from __future__ import annotations

import json
from typing import Any

from prober.host.host import Host
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.recordings import FIXTURES, load_capabilities, without_lists

DOMAIN = """<domain type='qemu'>
  <name>disks</name>
  <memory unit='MiB'>256</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>{}</devices>
</domain>"""


def run(devices: str, *, monitor: str | None = None, host: Host | None = None, version: str = "10.0.13") -> Translation:
    caps = without_lists(load_capabilities(FIXTURES / f"qemu-{version}.replies.xz"))
    domain = read_domain(DOMAIN.format(devices).encode())
    return translate(domain, caps, binary="/q", monitor=monitor, host=host or Host())


def values(translation: Translation, flag: str) -> list[dict[str, Any]]:
    argv = translation.argv
    return [json.loads(argv[at + 1]) for at, word in enumerate(argv) if word == flag and argv[at + 1].startswith("{")]
