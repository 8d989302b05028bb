"""Network cards: what is worked out of them, beside what the cases show."""

from __future__ import annotations

import pytest

from prober.devices.interface import CardInterface, UserInterface
from tests.elements import element_of
from tests.unit.devices.interface.making import bridge, run, todos


@pytest.mark.parametrize(
    ("written", "meant"),
    [("VIRTIO", "virtio"), ("E1000e", "e1000e"), ("am79c970a", "Am79C970A"), ("Tulip", "Tulip")],
)
def test_only_models_that_libvirt_knows_are_known_in_any_case(written: str, meant: str) -> None:
    assert element_of(UserInterface, model=written).model == meant


@pytest.mark.parametrize("model", ["", "unknown", "e1000,netdev=x", "x" * 65, "ä"])
def test_other_texts_are_no_models(model: str) -> None:
    with pytest.raises(ValueError, match="model"):
        element_of(UserInterface, model=model)


def test_a_link_that_is_down_is_taken_down_before_the_guest_runs() -> None:
    assert "set_link name=net0 up=false" in todos(run(bridge("<link state='down'/>")), "link")[0]
    assert todos(run(bridge("<link state='up'/>")), "link") == []


def test_a_card_is_virtio_by_its_own_model_or_that_of_its_type() -> None:
    assert not UserInterface().is_virtio
    vhost = element_of(CardInterface.choices["vhostuser"], path="/s")
    assert isinstance(vhost, CardInterface)
    assert vhost.is_virtio
