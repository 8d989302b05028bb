"""Which GICs a domain on ARM's ``virt`` may have, as QEMU was asked."""

from __future__ import annotations

import re

import pytest

from prober.capabilities.models import GicVersion
from prober.export.domcapabilities import DomainsAsked, tell_domains
from tests.recordings import FIXTURES, load_capabilities


def told(target: str, virttype: str = "qemu", **changes: object) -> str:
    """What stands of it in the document; empty where nothing does."""
    caps = load_capabilities(FIXTURES / f"qemu-{target}-7.2.22.replies.xz").model_copy(update=changes)
    document = tell_domains(caps, DomainsAsked(machine="virt", virttype=virttype), binary="/q").xml
    match = re.search(r"<gic .*?(?:/>|</gic>)", document, re.DOTALL)
    return "" if match is None else match.group()


def test_those_that_are_emulated() -> None:
    text = told("aarch64")
    assert "supported='yes'" in text
    assert re.findall(r"<value>(\d)</value>", text) == ["2", "3"]


def test_of_other_targets_there_is_none() -> None:
    assert "supported='no'" in told("riscv64")


@pytest.mark.parametrize(
    ("gic", "said"), [(None, ""), ((GicVersion(number=3, emulated=False, kernel=True),), "<gic supported='no'/>")]
)
def test_what_was_not_asked_is_left_out(gic: tuple[GicVersion, ...] | None, said: str) -> None:
    assert told("aarch64", gic=gic) == said
