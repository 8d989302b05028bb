"""What a domain uses of a QEMU is what stands in its command line."""

from __future__ import annotations

import pytest

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.diff import diff
from prober.capabilities.difference import Change, Difference
from prober.commandline.options import DeviceOption, Global, Keyval, Object, Property, Qapi, Value
from prober.commandline.refusal import Place
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.uses import Uses, compare_for, find_uses, keep_used
from tests.recordings import FIXTURES, ROOT, load_capabilities

PLACE = Place(line=1, path="/domain")
EXAMPLE = (ROOT / "fixtures/domains/example.xml").read_bytes()
REFUSED = (ROOT / "fixtures/domains/refused.xml").read_bytes()


def load(version: str) -> Capabilities:
    return load_capabilities(FIXTURES / f"qemu-{version}.replies.xz")


def _property(name: str, value: str | int | bool) -> Property:
    return Property(name, value, PLACE)


def test_every_name_in_the_options_is_a_use() -> None:
    uses = find_uses(
        [
            DeviceOption("virtio-blk", (_property("drive", "d"), _property("id", "x")), PLACE),
            Global("PIIX4_PM", _property("disable_s3", True)),
            Object("memory-backend-ram", "ram", (_property("size", 5),), PLACE),
            Keyval("-machine", "pc", (_property("usb", False),), PLACE),
            Keyval("-cpu", "Penryn", (_property("avx", True),), PLACE),
            Keyval("-m", "", (_property("size", "5k"),), PLACE, group="memory"),
        ],
        load("7.2.22"),
    )
    assert uses.facts >= {
        "virtio-blk-pci", "virtio-blk-pci.drive", "PIIX4_PM.disable_s3", "memory-backend-ram.size", "object-add",
        "pc-i440fx-7.2", "pc-i440fx-7.2.usb", "-machine", "-machine.usb", "Penryn", "486-v1-x86_64-cpu.avx",
        "-memory", "-memory.size",
    }  # fmt: skip
    assert uses.types >= {"virtio-blk-pci", "PIIX4_PM", "memory-backend-ram", "pc-i440fx-7.2"}
    assert uses.members >= {
        ("object-add.qom-type", ()),
        ("object-add.qom-type.memory-backend-ram", ()),
        ("object-add.size", ("qom-type=memory-backend-ram",)),
    }


def test_members_below_their_own_type_are_taken_for_those_above() -> None:
    """``file`` of a block driver is a block driver again, and what differs there is told at the top."""
    inner: dict[str, Value] = {"driver": "file", "filename": "/x", "cache": {"direct": True}}
    value: dict[str, Value] = {"driver": "qcow2", "node-name": "n", "file": inner}
    uses = find_uses([Qapi("-blockdev", "blockdev-add", "driver", value, PLACE)], load("10.0.13"))
    assert uses.members >= {
        ("blockdev-add.driver.qcow2", ()),
        ("blockdev-add.driver.file", ()),
        ("blockdev-add.file", ("driver=qcow2",)),
        ("blockdev-add.filename", ("driver=file",)),
        ("blockdev-add.cache.direct", ()),
    }
    # Nor is what only another driver has.
    assert ("blockdev-add.filename", ("driver=host_device",)) not in uses.members


def test_what_concerns_a_domain() -> None:
    uses = Uses(
        frozenset({"PIIX4_PM", "PIIX4_PM.disable_s3"}), frozenset({"PIIX4_PM"}), frozenset({("add.x", ("k=a",))})
    )
    assert uses.concerns("properties", Change(fact="PIIX4_PM.disable_s3", kind="removed", of="PIIX4_PM"))
    assert not uses.concerns("properties", Change(fact="PIIX4_PM.other", kind="removed", of="PIIX4_PM"))
    # What the domain leaves to the default changes with it.
    other = Change(fact="PIIX4_PM.other", kind="changed", what="default", a=1, b=2, of="PIIX4_PM")
    assert uses.concerns("properties", other)
    assert not uses.concerns("properties", other.model_copy(update={"of": "PIIX4"}))
    assert uses.concerns("members", Change(fact="add.x", kind="deprecated", when=("k=a",)))
    assert not uses.concerns("members", Change(fact="add.x", kind="deprecated", when=("k=b",)))


def _kept(xml: bytes, a: str, b: str) -> tuple[Difference, Difference]:
    one, other = load(a), load(b)
    whole = diff(one, other)
    uses, _ = compare_for(read_domain(xml), one, other, "qemu")
    return whole, keep_used(whole, uses)


@pytest.mark.parametrize(("a", "b"), [("5.2.0", "7.2.22"), ("7.2.22", "10.0.13"), ("10.0.13", "11.1.2")])
@pytest.mark.parametrize("xml", [EXAMPLE, REFUSED])
def test_only_what_is_used_is_kept(xml: bytes, a: str, b: str) -> None:
    whole, kept = _kept(xml, a, b)
    changes = {group.name: len(group.changes) for group in kept.groups}
    assert 0 < sum(changes.values()) < 20
    for group in kept.groups:
        assert set(group.changes) <= set(whole.group(group.name).changes)


def test_a_refusal_that_goes_away_is_seen() -> None:
    one, other = load("5.2.0"), load("7.2.22")
    _, kept = _kept(REFUSED, "5.2.0", "7.2.22")
    assert [change.kind for change in kept.group("properties").changes if change.of == "ICH9-LPC"] == ["added"]
    _, sides = compare_for(read_domain(REFUSED), one, other, "qemu")
    assert [len(side.refusals) for side in (sides.a, sides.b)] == [2, 1]
    # A refused domain has an argv all the same: what would be written.
    assert sides.a.argv[0] == "qemu"
    assert "-nodefaults" in sides.a.argv


def test_the_argv_is_that_of_the_translator() -> None:
    one, other = load("7.2.22"), load("10.0.13")
    domain = read_domain(EXAMPLE)
    _, sides = compare_for(domain, one, other, "qemu")
    assert sides.a.accepted
    assert sides.a.argv == translate(domain, one, binary="qemu").argv
    assert sides.b.argv == translate(domain, other, binary="qemu").argv
    assert sides.a.argv != sides.b.argv
