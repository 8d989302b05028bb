"""Interfaces on a tap."""

from __future__ import annotations

import pytest

from tests.unit.devices.interface.making import bridge, run, todos, values


def test_each_pair_of_queues_has_a_tap_and_a_vhost() -> None:
    translation = run(bridge("<driver queues='3'/>"))
    (netdev,) = values(translation, "-netdev")
    (card,) = values(translation, "-device", "virtio-net")
    assert (len(netdev["fds"].split(":")), len(netdev["vhostfds"].split(":"))) == (3, 3)
    assert {"fd", "vhostfd"}.isdisjoint(netdev)
    # Two vectors for each pair of queues, and two for configuration and control.
    assert (card["mq"], card["vectors"]) == (True, 8)
    assert [todo.endswith(f"; queue {n} of 3") for n, todo in enumerate(todos(translation, "tap"), 1)] == [True] * 3


@pytest.mark.parametrize("queues", ["0", "1"])
def test_one_pair_of_queues_is_none_of_many(queues: str) -> None:
    translation = run(bridge(f"<driver queues='{queues}'/>"))
    (netdev,) = values(translation, "-netdev")
    (card,) = values(translation, "-device", "virtio-net")
    assert {"fd", "vhostfd"} <= netdev.keys()
    assert "mq" not in card


@pytest.mark.parametrize(
    ("domain_type", "driver", "model", "vhost_net", "used"),
    [
        ("kvm", "", "virtio", "kvm", True),
        ("kvm", "<driver name='vhost'/>", "virtio-transitional", "kvm", True),
        ("kvm", "<driver name='qemu'/>", "virtio", "kvm", False),
        ("kvm", "", "e1000", "kvm", False),
        ("qemu", "", "virtio", "kvm", False),
        ("qemu", "<driver name='qemu'/>", "virtio", "always", True),
        ("qemu", "", "e1000", "always", False),
    ],
)
def test_vhost_is_for_virtio_cards_of_kvm_guests(
    domain_type: str, driver: str, model: str, vhost_net: str, used: bool
) -> None:
    (netdev,) = values(run(bridge(driver, model), domain_type=domain_type, vhost_net=vhost_net), "-netdev")
    assert netdev.get("vhost", False) is used


@pytest.mark.parametrize(("model", "has_header"), [("virtio", True), ("e1000e", True), ("e1000", False)])
def test_a_tap_has_virtios_header_where_the_card_can_take_it(model: str, has_header: bool) -> None:
    (todo,) = todos(run(bridge(model=model)), "tap")
    assert ("IFF_VNET_HDR" in todo) is has_header


def test_a_macvtap_is_named_by_its_index() -> None:
    direct = "<interface type='direct'><source dev='eth0' mode='bridge'/><mac address='52:54:00:00:00:01'/></interface>"
    (todo,) = todos(run(direct), "tap")
    assert todo.startswith("open /dev/tapN of the macvtap, N being the index of a new macvtap on eth0 in mode bridge")
    assert "52:54:00:00:00:01" in todo
