"""The comparison with other libvirts, without one: what is the same, what differs, and what reasons explain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers.compare import differences
from tests.peers.domains import as_asked
from tests.peers.reasons import Difference, read_reasons, unexplained, unused

_REASONS = Path(__file__).parent.parent / "peers" / "reasons.toml"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("-m 256", "-m size=262144k"),
        ("-device e1000,id=n,addr=0x3", '-device {"driver":"e1000","id":"n","addr":"3"}'),
        ("-boot strict=on", "-boot strict=yes"),
        ("-device VGA,id=v -set device.v.edid=on", "-device VGA,id=v,edid=true"),
        ("-object {\"qom-type\":\"monitor-qmp\",\"id\":\"m\",\"chardev\":\"c\"}", "-mon chardev=c,id=m,mode=control"),
        ("-uuid 1b1c0d28-0000-0000-0000-000000000001", "-uuid 1b1c0d28-0000-0000-0000-000000000002"),
        ("-netdev tap,fd=3,id=n", "-netdev tap,id=n,fd=31"),
        ("-S -no-user-config", "-no-user-config"),
        ("-rtc base=2026-01-02T03:04:05", "-rtc base=2026-01-02T03:04:06"),
        ("-chardev socket,id=a,path=/run/-1-vm/a", "-chardev socket,id=a,path=/run/vm/a"),
    ],
)  # fmt: skip
def test_what_means_the_same_is_no_difference(theirs: str, ours: str) -> None:
    assert differences(theirs.split(), ours.split(), "<domain/>") == []


@pytest.mark.parametrize(
    ("theirs", "ours", "lines"),
    [
        ("-cpu EPYC,x2apic=on", "-cpu EPYC", ["- -cpu: x2apic=on"]),
        ("-device e1000,id=n,mac=a", "-device e1000,id=n,mac=b", ["- -device n: mac=a", "+ -device n: mac=b"]),
        ("-device e1000,id=n", "-no-reboot", ["- -device driver=e1000,id=n", "+ -no-reboot"]),
        ("-device e1000,id=n -device VGA,id=v", "-device VGA,id=v -device e1000,id=n", ["~ -device driver=e1000,id=n"]),
        ("-m 256", "-m 256k", ["- -m: size=268435456 bytes", "+ -m: size=262144 bytes"]),
    ],
)
def test_what_differs_is_told_by_its_name(theirs: str, ours: str, lines: list[str]) -> None:
    assert differences(theirs.split(), ours.split(), "<domain/>") == lines


def test_what_the_domain_says_is_not_made_up() -> None:
    xml = "<domain><uuid>1b1c0d28-0000-0000-0000-000000000001</uuid></domain>"
    theirs, ours = ("-uuid", "1b1c0d28-0000-0000-0000-000000000001"), ("-uuid", "1b1c0d28-0000-0000-0000-000000000002")
    assert differences([*theirs], [*ours], xml) == [f"- -uuid: {theirs[1]}", "+ -uuid: MADE-UP"]


def test_cards_are_asked_about_as_libvirt_takes_them() -> None:
    card = "<interface type='network'><source network='default'/><model type='e1000'/></interface>"
    asked = as_asked(f"<domain><devices>{card}</devices></domain>")
    assert '<interface type="ethernet"><model type="e1000"/></interface>' in asked
    assert "<emulator>/usr/bin/qemu-system-x86_64</emulator>" in asked
    assert as_asked("<domain>") == "<domain>"


def test_a_reason_explains_its_own_and_no_more(tmp_path: Path) -> None:
    file = tmp_path / "reasons.toml"
    file.write_text(
        "[[different]]\noption = '^- -cpu: x2apic'\npeers = ['9.0']\ndomains = ['cpu-*']\nwhy = 'old'\n"
        "[[refused]]\nrule = 'line/*'\nwhy = 'QEMU would end'\n"
        "[[built]]\nsays = 'no tun'\nhere = true\nwhy = 'none here'\n"
    )
    reasons = read_reasons(file)
    old = Difference("different", "9.0", "cpu-one", "- -cpu: x2apic=on")
    others = [
        Difference("different", "12.8", "cpu-one", "- -cpu: x2apic=on"),
        Difference("different", "9.0", "disk", "- -cpu: x2apic=on"),
        Difference("refused", "9.0", "disk", "- -cpu: x2apic=on", "xml/value"),
    ]
    assert unexplained([old, *others], reasons) == others
    assert [reason.why for reason in unused(reasons, ["9.0"])] == ["QEMU would end"]
    assert unexplained([Difference("refused", "9.0", "disk", "no", "line/bus")], reasons) == []
    assert unused(reasons, ["9.0"]) == []
    assert unused(reasons, []) == []


@pytest.mark.parametrize(
    "text", ["[[wrong]]\nwhy = 'x'\n", "[[refused]]\nrule = 'x'\n", "[[built]]\nwhy = 'x'\nfor = 1\n"]
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "reasons.toml").write_text(text)
    with pytest.raises(ValueError, match=r"reasons of kind|number 1"):
        read_reasons(tmp_path / "reasons.toml")


def test_every_reason_of_the_file_is_whole() -> None:
    for reason in read_reasons(_REASONS):
        assert len(reason.why) > 20, str(reason)
        assert reason.pattern.pattern or reason.rule != "*", f"{reason.why}: this explains everything"
