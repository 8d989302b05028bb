"""What libvirt's recordings of 34 QEMU versions say of the facts that this project began with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prober.capabilities import Capabilities, Verdict
from tests.recordings import LIBVIRT, load_capabilities, load_recording

pytestmark = pytest.mark.libvirt

REPLIES = sorted((LIBVIRT / "replies").glob("*.replies.xz"))

#: The first recorded version that has each.
FIRST = {
    "PIIX4_PM.acpi-pci-hotplug-with-bridge-support": (2, 1, 1),
    "PIIX4_PM.acpi-root-pci-hotplug": (5, 2, 0),
    "ICH9-LPC.acpi-pci-hotplug-with-bridge-support": (6, 1, 0),
}


def named_version(path: Path) -> tuple[int, ...]:
    """The version in the file's name; release candidates call themselves otherwise inside."""
    return tuple(int(number) for number in re.findall(r"\d+", path.name)[:3])


def test_all_are_at_hand(libvirt_data: Path) -> None:
    assert len(list((libvirt_data / "replies").glob("*.replies.xz"))) == 34


@pytest.mark.parametrize("path", REPLIES, ids=lambda path: path.name)
def test_the_truth(path: Path) -> None:
    caps = load_capabilities(path)
    for fact, first in FIRST.items():
        evidence = caps.supports(fact)
        assert evidence.verdict is (Verdict.present if named_version(path) >= first else Verdict.absent)
        assert evidence.command == "device-list-properties"
        assert evidence.arguments == {"typename": fact.partition(".")[0]}
        assert evidence.reply or evidence.error


@pytest.mark.parametrize("path", REPLIES, ids=lambda path: path.name)
def test_capabilities_are_the_same_from_the_cache(path: Path) -> None:
    caps = load_capabilities(path)
    assert Capabilities.model_validate_json(caps.model_dump_json()) == caps


@pytest.mark.parametrize("path", REPLIES, ids=lambda path: path.name)
def test_a_recording_is_the_same_when_written(path: Path) -> None:
    recording = load_recording(path)
    assert type(recording).loads(recording.dumps()) == recording
    assert [len(part.exchanges) > 2 for part in recording.parts] == [True, True]
