"""How two documents of domain capabilities are compared; and libvirt's own, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.export.domcapabilities import DomainsAsked, tell_domains
from prober.host.firmware import read_firmware
from prober.host.host import Host
from tests.conformance.domcaps import (
    Difference,
    compare_recorded,
    differences,
    explain,
    facts_of,
    find_recorded,
    reasons,
)
from tests.recordings import FIXTURES, LIBVIRT, load_capabilities

DOCUMENT = b"""<domainCapabilities>
  <machine>q35</machine>
  <cpu><mode name='custom' supported='yes'>
    <model usable='no' vendor='Intel'>Haswell</model>
    <blockers model='Haswell'><feature name='b'/><feature name='a'/></blockers>
  </mode></cpu>
  <devices><rng supported='yes'><enum name='model'><value>virtio</value></enum></rng></devices>
</domainCapabilities>"""


def test_a_document_is_taken_apart() -> None:
    assert facts_of(DOCUMENT) == {
        "machine": "q35",
        "cpu": "told",
        "cpu/custom": "yes",
        "cpu/custom/model=Haswell": "usable=no vendor=Intel",
        "cpu/custom/blockers=Haswell": "a,b",
        "devices": "told",
        "devices/rng": "yes",
        "devices/rng/model": "told",
        "devices/rng/model=virtio": "yes",
    }


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (b"<value>virtio</value>", b"", ("devices/rng/model=virtio", "yes", None)),
        (b"<enum", b"<value>x</value><enum", ("devices/rng/value=x", None, "yes")),
        (b" vendor='Intel'", b"", ("cpu/custom/model=Haswell", "usable=no vendor=Intel", "usable=no")),
        (b"<feature name='a'/>", b"", ("cpu/custom/blockers=Haswell", "a,b", "b")),
        (b"rng supported='yes'", b"rng supported='no'", ("devices/rng", "yes", "no")),
        (b">q35<", b">pc<", ("machine", "q35", "pc")),
    ],
)  # fmt: skip
def test_each_difference_is_seen(old: bytes, new: bytes, found: tuple[str, str | None, str | None]) -> None:
    assert differences(DOCUMENT, DOCUMENT) == []
    assert differences(DOCUMENT, DOCUMENT.replace(old, new)) == [Difference(*found)]


def test_a_reason_is_of_one_place_and_one_way() -> None:
    less = Difference("devices/tpm/backendVersion=2.0", None, "yes")
    more = Difference("devices/tpm/backendVersion=2.0", "yes", None)
    compared = explain("x", [less, more], reasons())
    assert compared.faults == [more]
    assert list(compared.lines(whole=False)) == ["x: 1 explained, 1 not", f"  {more}"]
    assert len(list(compared.lines(whole=True))) == 3


def test_every_reason_is_one_sentence_about_a_way_that_there_is() -> None:
    for file in ("domcaps.toml", "domcaps-older.toml"):
        for one in reasons(file):
            assert one.kinds <= {"more", "less", "other"}
            assert one.kinds
            assert one.why


def test_documents_are_found_by_their_names(tmp_path: Path) -> None:
    for name in ("qemu_9.1.0-tcg-virt.riscv64.xml", "qemu_10.0.0.x86_64+amdsev.xml", "qemu_5.1.0.x86_64.xml", "x.xml"):
        (tmp_path / name).write_bytes(DOCUMENT)
    found = [(one.version, one.arch, one.variant, one.asked.virttype) for one in find_recorded(tmp_path)]
    assert found == [("10.0.0", "x86_64", "+amdsev", "kvm"), ("9.1.0", "riscv64", "", "qemu")]


def test_what_is_told_of_a_recording_is_compared_with_its_document(tmp_path: Path) -> None:
    (tmp_path / "replies").mkdir()
    (tmp_path / "replies" / "qemu-10.0.13.replies.xz").symlink_to(FIXTURES / "qemu-10.0.13.replies.xz")
    caps = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")
    told = tell_domains(caps, DomainsAsked(machine="q35", assume_unknown_present=True), binary="x").xml
    for name, xml in (("qemu_10.0.13-tcg-q35.x86_64.xml", told), ("qemu_10.0.13.x86_64.xml", told)):
        (tmp_path / name).write_text(xml.replace("<value>rng", "<value>x-rng").replace("pvpanic", "pwned"))
    without, with_tcg = find_recorded(tmp_path)[::-1]
    assert compare_recorded(without, tmp_path / "replies", Host()) is None, "it was not recorded with KVM"
    found = compare_recorded(with_tcg, tmp_path / "replies", Host())
    assert found == [
        Difference("devices/panic/model=pvpanic", "yes", None),
        Difference("devices/panic/model=pwned", None, "yes"),
    ]


@pytest.mark.libvirt
def test_nothing_differs_from_libvirts_own_without_a_reason() -> None:
    """Of the documents that are beside libvirt's other data; ``python -m tests.conformance.domcaps`` takes any."""
    place = LIBVIRT / "domaincapsdata"
    host = Host(firmware=read_firmware(LIBVIRT / "firmware"))
    documents = find_recorded(place) if place.is_dir() else []
    compared = [(one.path.name, compare_recorded(one, LIBVIRT / "replies", host)) for one in documents]
    faults = [(name, one) for name, found in compared for one in found or () if not one.reason(reasons())]
    assert faults == []
