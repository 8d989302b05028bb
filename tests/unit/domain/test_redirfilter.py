"""Filters of USB redirection, as usbredir writes them."""

from __future__ import annotations

import pytest

from prober.domain.redirfilter import Redirfilter, UsbFilter
from tests.elements import element_of


@pytest.mark.parametrize(
    ("version", "text"), [("1.09", "0x0109"), ("9.4", "0x0940"), ("2.0", "0x0200"), ("12.34", "0x1234"), ("-1", "-1")]
)
def test_versions(version: str, text: str) -> None:
    rule = element_of(UsbFilter, version=version, allow="no")
    assert rule.text == f"-1:-1:-1:{text}:0"


def test_all_parts_and_all_rules() -> None:
    rule = element_of(UsbFilter, usb_class="8", vendor="0x15E1", product="0x7", allow="yes")
    assert Redirfilter(rules_=(rule, rule)).text == "|".join(["0x08:0x15E1:0x0007:-1:1"] * 2)
    assert Redirfilter().text == ""


@pytest.mark.parametrize("version", ["", "1", "1.", ".1", "100.0", "1.100", "a.b", "1.0.0"])
def test_what_is_no_version(version: str) -> None:
    with pytest.raises(ValueError, match="version"):
        element_of(UsbFilter, version=version, allow="no")
