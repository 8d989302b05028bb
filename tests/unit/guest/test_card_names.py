"""What a guest calls its network cards, against what one was seen to call them."""

from __future__ import annotations

import pytest

from prober.guest.cards.name import CardName, compare_card_names
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.cards import SEEN, SEEN_ON_ARM, CardCase, write_arm_cards, write_cards
from tests.recordings import FIXTURES, load_capabilities


def translated(xml: str, version: str = "7.2.22") -> Translation:
    caps = load_capabilities(FIXTURES / f"qemu-{version}.replies.xz")
    return translate(read_domain(xml.encode()), caps, binary="/usr/bin/qemu-system-x86_64")


def shown(card: CardName) -> str:
    return " ".join(name for name in (card.path, card.slot, card.onboard) if name is not None)


@pytest.mark.parametrize(("case", "later"), SEEN, ids=str)
def test_the_names_are_those_that_a_guest_was_seen_to_give(case: CardCase, later: bool) -> None:
    for version in ("10.0.13", "11.1.2") if later else ("7.2.22",):
        cards = translated(write_cards(case), version).cards
        assert tuple(map(shown, cards)) == SEEN[case, later]
        assert [card.name for card in cards] == [_taken(shown(card)) for card in cards]
        assert all(card.rules for card in cards)


@pytest.mark.parametrize("acpi", SEEN_ON_ARM)
def test_the_names_on_virt_are_those_that_a_guest_of_arm_was_seen_to_give(acpi: bool) -> None:
    cards = translated(write_arm_cards(acpi=acpi), "aarch64-7.2.22").cards
    assert tuple(map(shown, cards)) == SEEN_ON_ARM[acpi]
    assert [card.name for card in cards] == [_taken(shown(card)) for card in cards]
    assert any("do not tell of acpi-index" in rule for rule in cards[3].rules)


@pytest.mark.parametrize("target", ["riscv64", "loongarch64"])
def test_a_machine_that_was_not_looked_at_has_no_names(target: str) -> None:
    xml = (
        f"<domain type='qemu'><name>n</name><memory>1048576</memory><os><type arch='{target}' machine='virt'>hvm</type>"
        "</os><devices><interface type='user'><model type='virtio'/></interface></devices></domain>"
    )
    (card,) = translated(xml, f"{target}-7.2.22").cards
    assert (card.name, card.path, card.slot) == (None, None, None)
    assert f"machine virt of {target}" in card.rules[0]


def _taken(names: str) -> str | None:
    """What udev takes of those that there are: the firmware's, that of the slot, that of the path."""
    return next((one for start in ("eno", "ens", "enp") for one in names.split() if one.startswith(start)), None)


def test_without_the_root_bus_the_numbers_are_those_of_the_first_bridge() -> None:
    before = translated(write_cards(CardCase("pc"))).cards
    after = translated(write_cards(CardCase("pc", root=False))).cards
    changed = {change.card: (change.before.name, change.after.name) for change in compare_card_names(before, after)
               if change.before is not None and change.after is not None}  # fmt: skip
    assert changed == {
        "net0": ("ens3", "enp0s3"),
        "net1": ("ens4f0", "enp0s4f0"),
        "net2": ("ens4f1", "enp0s4f1"),
        "net3": ("eno7", "enp0s5"),
        "net5": ("enp1s3", "ens3"),
        "net9": ("enp1s10f0", "ens10f0"),
        "net10": ("enp1s10f1", "ens10f1"),
    }


def test_a_graphics_card_leaves_its_slot_to_a_bridge() -> None:
    """pc's first card cannot be unplugged, so the number of its slot is free for another bus."""
    card = "<interface type='user'><model type='virtio'/><address type='pci' bus='1' slot='2'/></interface>"
    bridge = "<controller type='pci' index='1' model='pci-bridge'><address type='pci' slot='6'/></controller>"
    video = "<video><model type='vga'/></video>"
    for devices, name in ((bridge + card, "enp1s2"), (bridge + card + video, "ens2")):
        xml = (
            "<domain type='qemu'><name>n</name><memory>65536</memory><os><type machine='pc'>hvm</type></os>"
            f"<features><acpi/></features><devices>{devices}</devices></domain>"
        )
        assert [one.name for one in translated(xml).cards] == [name]


def test_what_is_not_known_is_said() -> None:
    cards = translated(write_cards(CardCase("q35", acpi=False), index=False)).cards
    assert {card.name for card in cards} == {None}
    usb = "<interface type='user'><model type='usb-net'/></interface>"
    xml = (
        "<domain type='qemu'><name>n</name><memory>65536</memory><os><type machine='pc'>hvm</type></os>"
        f"<devices>{usb}</devices></domain>"
    )
    (card,) = translated(xml).cards
    assert (card.name, card.path, "USB" in card.rules[0]) == (None, None, True)


def test_cards_are_compared_by_their_addresses() -> None:
    one = CardName(card="net0", mac="52:54:00:00:00:01", name="ens3")
    other = one.model_copy(update={"card": "net1", "mac": "52:54:00:00:00:02"})
    assert compare_card_names([one, other], [other, one]) == []
    (gone, new) = compare_card_names([one], [other])
    assert (gone.before, gone.after, new.before, new.after) == (one, None, None, other)
