"""Which objects of a live machine are looked into."""

from __future__ import annotations

import pytest

from prober.proof.descent import looks_into
from tests.unit.commandline.rules.test_lines import CAPS

#: Hosts of PCI, bridges and ports, what has the PM in it, what only holds others, and what nothing is known of.
HOLDERS = ("i440FX-pcihost", "q35-pcihost", "pci-bridge", "pcie-root-port", "pxb-host", "PIIX3", "ICH9-LPC",
           "container", "a-type-to-come")  # fmt: skip
OTHERS = ("virtio-net-pci", "hpet", "isa-serial", "PCI", "IDE", "i8042", "usb-kbd", "mc146818rtc")


@pytest.mark.parametrize("version", CAPS)
def test_only_what_may_hold_something_is_looked_into(version: str) -> None:
    holds = looks_into(CAPS[version], {"PIIX4_PM", "ICH9-LPC", "mc146818rtc"})
    assert [kind for kind in HOLDERS if not holds(kind)] == []
    assert [kind for kind in OTHERS if holds(kind)] == []


def test_a_global_for_what_may_be_anywhere_has_all_looked_into() -> None:
    holds = looks_into(CAPS["7.2.22"], {"virtio-blk-device", "PIIX4_PM"})
    assert all(holds(kind) for kind in (*HOLDERS, *OTHERS))
