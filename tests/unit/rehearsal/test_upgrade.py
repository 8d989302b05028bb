"""Which machine type is tried in the place of one that is gone."""

from __future__ import annotations

import pytest

from prober.capabilities import Capabilities
from prober.capabilities.models import Version
from prober.guest.cards.name import CardChange, CardName, compare_card_names
from prober.proof.models import ProofVerdict
from prober.rehearsal.models import Migration, SideTold
from prober.rehearsal.upgrade import Upgraded, nearest_machines
from prober.rehearsal.verdict import RehearsalVerdict
from prober.rehearsal.wording import describe_card
from tests.recordings import FIXTURES, load_capabilities

SIDE = SideTold(binary="q", version=Version(major=1, minor=0, micro=0))


def moved(verdict: str) -> Migration:
    return Migration(verdict=RehearsalVerdict(verdict), source=SIDE, destination=SIDE)


@pytest.fixture(scope="module")
def caps() -> Capabilities:
    return load_capabilities(FIXTURES / "qemu-11.1.2.replies.xz")


@pytest.mark.parametrize(
    ("machine", "first"),
    [
        ("pc-q35-2.4", "pc-q35-8.2"),
        ("pc-i440fx-2.6", "pc-i440fx-8.2"),
        ("pc-q35-99.0", "pc-q35-11.1"),
        ("pc-q35-rhel8.6.0", "pc-q35-8.2"),
        ("pc-0.15", "pc-i440fx-8.2"),
    ],
)
def test_the_next_of_the_same_family_comes_first(machine: str, first: str, caps: Capabilities) -> None:
    found = nearest_machines(machine, caps)
    assert found[0] == first
    family = "q35" if "q35" in machine else "i440fx"
    assert all(family in name for name in found[:5])


def test_of_a_family_that_it_has_not_nothing_is_tried(caps: Capabilities) -> None:
    assert nearest_machines("isapc", caps) == [name for name in (caps.accelerator.machines or {}) if name == "isapc"]


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        ({"starts": ProofVerdict.proven, "there": moved("rehearsed"), "back": moved("rehearsed")}, "rehearsed"),
        (
            {"starts": ProofVerdict.proven, "there": moved("rehearsed"), "back": moved("rehearsed in part")},
            "rehearsed in part",
        ),
        ({"starts": ProofVerdict.proven, "there": moved("not provable"), "back": moved("rehearsed")}, "not provable"),
        ({"starts": ProofVerdict.proven, "there": moved("rehearsed"), "back": moved("refused")}, "refused"),
        ({"starts": ProofVerdict.refused, "there": moved("rehearsed"), "back": moved("rehearsed")}, "refused"),
        ({"starts": ProofVerdict.not_provable, "there": moved("rehearsed")}, "not provable"),
        ({"unreadable": "no"}, "refused"),
    ],
)
def test_the_worst_is_what_is_told_of_a_domain(told: dict[str, object], verdict: str) -> None:
    assert Upgraded.model_validate({"file": "f", **told}).verdict == verdict


def test_a_card_that_is_called_otherwise_is_told() -> None:
    before, after = CardName(card="net0", name="ens3"), CardName(card="net0", name="enp0s3")
    (change,) = compare_card_names((before,), (after,))
    told = "the guest's network card net0 would be called enp0s3 and not ens3 (systemd's scheme v252)"
    assert describe_card(change) == told
    gone = CardChange(card="net0", before=before, after=None)
    assert "called nothing and not ens3" in describe_card(gone)
    assert "called what is not known and not" in describe_card(
        CardChange(card="net0", before=before, after=CardName(card="net0", name=None))
    )
