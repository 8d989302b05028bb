"""Globals that QEMU never reads, as nothing on the line makes their device."""

from __future__ import annotations

import pytest

from prober.commandline.refusal import Kind
from tests.unit.commandline.rules.test_table import faults


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("-M q35 -nodefaults -global virtio-scsi-pci.num_queues=many", Kind.ignored),
        ("-M q35 -nodefaults -global virtio-scsi-pci.num_queues=many -device virtio-scsi-pci", Kind.error),
        ("-M q35 -nodefaults -global virtio-scsi-pci.nothing=1", Kind.ignored),
        ("-M q35 -nodefaults -global virtio-scsi-pci.nothing=1 -device virtio-scsi-pci", Kind.error),
        ("-M q35 -nodefaults -global scsi-hd.bootindex=x -drive if=virtio,file.driver=null-co", Kind.ignored),
    ],
)
def test_a_wrong_global_is_an_error_where_its_device_is_made(line: str, kind: Kind) -> None:
    found = [finding for finding in faults(line, "") if finding.rule.startswith("option/")]
    assert [finding.kind for finding in found] == [kind]
    assert ("QEMU ignores this" in found[0].hint) == (kind is Kind.ignored)


def test_where_anything_may_be_made_a_wrong_global_stays_an_error() -> None:
    line = "-M q35 -nodefaults -global virtio-scsi-pci.num_queues=many -readconfig /etc/more"
    kinds = {finding.kind for finding in faults(line, "") if finding.rule.startswith("option/")}
    assert kinds == {Kind.error}


def test_what_a_network_card_is_tried_with_is_read() -> None:
    """QEMU makes one of each card to see which there are, from 8.0 on whatever the line has."""
    line = "-M q35 -nodefaults -global e1000.mac=x"
    assert faults(line, "10.0.13")[0].kind is Kind.error
    assert faults(line, "7.2.22")[0].kind is Kind.ignored


@pytest.mark.parametrize(
    "line", ["-M isapc -global isa-pit.iobase=64", "-M microvm -global mc146818rtc.base_year=1980"]
)
def test_what_a_machine_has_of_itself_is_read(line: str) -> None:
    assert not faults(line, "10.0.13")


def test_what_a_machine_has_not_is_not_read() -> None:
    assert [finding.kind for finding in faults("-M none -global mc146818rtc.base_year=1980", "10.0.13")] == [
        Kind.ignored
    ]
