"""QEMUs and books for tests of pages."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import JsonValue

from prober.capabilities.capabilities import Capabilities
from prober.host.host import Host
from prober.pages.cells import CellAsked, cell_of
from prober.pages.gather import BookMaker
from prober.pages.models import PageBook
from prober.qemu.decoding import load_recording
from prober.qemu.recording import CRASHED, ErrorReply, Exchange, Part, Recording
from prober.translate.read import read_domain
from tests.conftest import CHECKOUT

EXAMPLE = (CHECKOUT / "fixtures" / "domains" / "example.xml").read_text()
REFUSED = (CHECKOUT / "fixtures" / "domains" / "refused.xml").read_text()

#: What ends a script, a style or an attribute where it is not escaped.
HOSTILE = '</script><img src=x onerror="window.hurt=1">\'"&<!--'


@cache
def bundled(version: str) -> Capabilities:
    """A recording that comes along."""
    return Capabilities.from_recording(load_recording(CHECKOUT / "fixtures" / "replies" / f"qemu-{version}.replies.xz"))


def small(*names: str, described: str = "") -> Capabilities:
    """A QEMU with these types; ``crashing`` kills it, ``silent`` was never asked."""
    return Capabilities.from_recording(recorded(*names, described=described))


def recorded(*names: str, described: str = "") -> Recording:
    """What it said."""
    types: list[JsonValue] = [{"name": name, "parent": "device"} for name in names]
    asked = (
        Exchange("qom-list-properties", {"typename": name}, error=ErrorReply(CRASHED, "SIGABRT: assertion failed"))
        if name == "crashing"
        else Exchange(
            "qom-list-properties",
            {"typename": name},
            [{"name": "size", "type": "uint32", "description": described}, {"name": "on", "type": "bool"}],
        )
        for name in names
        if name != "silent"
    )
    exchanges = (
        Exchange("qmp_capabilities", None, {}),
        Exchange("query-version", None, {"qemu": {"major": 9, "minor": 8, "micro": 7}, "package": described}),
        Exchange("query-target", None, {"arch": "x86_64"}),
        Exchange("query-machines", None, [{"name": "pc", "cpu-max": 1, "hotpluggable-cpus": False}]),
        Exchange("qom-list-types", None, types),
        *asked,
    )
    return Recording((Part(exchanges),))


def book_of(qemus: dict[str, Capabilities], domains: Sequence[tuple[str, str]] = (), title: str = "title") -> PageBook:
    """A book of these."""
    maker = BookMaker()
    for label, caps in qemus.items():
        maker.add_qemu(label, caps)
    for name, xml in domains:
        domain = read_domain(xml.encode())
        maker.add_domain(name, xml, [cell_of(domain, caps, CellAsked(Host())) for caps in qemus.values()])
    return maker.make(title, "made by a test")


def data_of(page: str) -> Any:
    """The data that lies in a page."""
    found = re.search(r'<script type="text/plain" id="book">([A-Za-z0-9+/=]+)</script>', page)
    assert found is not None
    return json.loads(zlib.decompress(base64.b64decode(found[1])))
