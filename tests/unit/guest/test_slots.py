"""PCI slots: what fits where, what grows, and that no place is given twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.domain.shared.slots import Kinds, Plug
from prober.guest.addresses.buses import BUS_KINDS, SlotMap
from prober.guest.addresses.full import SlotError

PCI = Plug.PCI_DEVICE | Plug.AUTO
PCIE = Plug.PCIE_DEVICE | Plug.AUTO
PORT = Plug.PCIE_ROOT_PORT | Plug.SHARE


def slots(*models: str, grow: bool = False, bridge: bool = True) -> SlotMap:
    return SlotMap(list(models), grow=grow, pcie_to_pci_bridge=bridge)


def test_the_first_free_slot() -> None:
    found = slots("pci-root")
    found.take((0, 1, 0), PCI, given=True)
    assert [found.place(PCI) for _ in range(2)] == [(0, 2, 0), (0, 3, 0)]


def test_root_ports_share_a_slot() -> None:
    found = slots("pcie-root")
    assert [found.place(PORT) for _ in range(9)] == [*((0, 1, function) for function in range(8)), (0, 2, 0)]


def test_a_shared_slot_is_not_for_others() -> None:
    found = slots("pcie-root")
    found.take((0, 1, 0), PCIE, given=True)
    assert found.place(PORT) == (0, 2, 0)


def test_a_pcie_device_makes_a_port() -> None:
    found = slots("pcie-root", grow=True)
    assert found.place(PCIE) == (1, 0, 0)
    assert [bus.model for bus in found.buses] == ["pcie-root", "pcie-root-port"]


@pytest.mark.parametrize(
    ("bridge", "models"),
    [
        (True, ["pcie-root", "pcie-root-port", "pcie-to-pci-bridge"]),
        (False, ["pcie-root", "dmi-to-pci-bridge", "pci-bridge"]),
    ],
)
def test_a_pci_device_on_q35_makes_the_way_to_pci(bridge: bool, models: list[str]) -> None:
    found = slots("pcie-root", grow=True, bridge=bridge)
    assert found.place(PCI) == (2, 1, 0)
    assert [bus.model for bus in found.buses] == models
    assert found.place(PCIE) == (3, 0, 0), "the port of the bridge is for the bridge alone"


def test_a_given_bus_makes_all_before_it() -> None:
    found = slots("pci-root", grow=True)
    found.take((3, 5, 0), PCI, given=True)
    assert [bus.model for bus in found.buses] == ["pci-root", *["pci-bridge"] * 3]


def test_whoever_gives_an_address_may_mix_pci_and_pcie() -> None:
    found = slots("pcie-root", "pcie-root-port")
    found.take((0, 3, 0), Plug.PCI_DEVICE | Plug.AUTO, given=True)
    found.take((1, 0, 0), PCI, given=True)
    with pytest.raises(SlotError, match="no PCI slot is free"):
        found.place(PCI)


@pytest.mark.parametrize(
    ("spot", "plug", "message"),
    [
        ((2, 1, 0), PCI, "there is no PCI controller with index 2"),
        ((0, 0, 0), PCI, "has slots 0x1 to 0x1f, not 0x0"),
        ((1, 1, 0), PCIE, "has slot 0 only, not 0x1"),
        ((1, 0, 0), PORT, "does not take a pcie-root-port; it takes a PCI Express device or pcie-to-pci-bridge"),
        ((0, 5, 0), PCIE, "the PCI address 0000:00:05.0 is used twice"),
    ],
)
def test_what_cannot_be_taken(spot: tuple[int, int, int], plug: Kinds, message: str) -> None:
    found = slots("pcie-root", "pcie-root-port")
    found.take((0, 5, 0), PCIE, given=True)
    with pytest.raises(SlotError, match=message):
        found.take(spot, plug, given=True)


def test_there_is_an_end_to_growing() -> None:
    found = slots("pcie-root", grow=True)
    with pytest.raises(SlotError, match="no more PCI controllers can be added"):
        for _ in range(300):
            found.place(PCIE)
    assert len(found.buses) <= SlotMap.MOST
    with pytest.raises(SlotError):
        found.take((255, 0, 0), Plug.DMI_TO_PCI_BRIDGE, given=True)


@given(
    st.sampled_from(["pci-root", "pcie-root"]),
    st.lists(st.sampled_from([PCI, PCIE, PORT, Plug.PCI_BRIDGE]), max_size=80),
)
def test_no_place_is_given_twice(root: str, plugs: list[Kinds]) -> None:
    found = slots(root, grow=True)
    places = []
    for plug in plugs:
        try:
            places.append(found.place(plug))
        except SlotError:
            continue
    assert len(set(places)) == len(places)
    for bus, slot, function in places:
        kind = BUS_KINDS[found.buses[bus].model]
        assert kind.first <= slot <= kind.last
        assert 0 <= function <= 7
